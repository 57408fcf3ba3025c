/** The machines that are drawn: their pictures are made from themselves, so that none can tell another story. */
import type { AnyStateMachine } from "xstate";
import { PAYMENT_ORDER_MACHINE, paymentOrderMachine } from "../../machines/payment-order.ts";

export interface DrawnMachine {
  readonly id: string;
  readonly version: number;
  readonly machine: AnyStateMachine;
}

export const DRAWN_MACHINES: readonly DrawnMachine[] = [{ ...PAYMENT_ORDER_MACHINE, machine: paymentOrderMachine }];
