/** The first line that somebody reads at three in the morning: is anything wrong, and where to look. */
import type { Overview } from "../../contract.ts";
import { to } from "../state/router.ts";
import { formatCount } from "../ui/format.ts";
import { Icon } from "../ui/icon.tsx";

interface Finding {
  readonly text: string;
  readonly href: string;
}

const count = (number: number, one: string, many: string): string =>
  `${formatCount(number)} ${number === 1 ? one : many}`;

export function findTrouble(overview: Overview): readonly Finding[] {
  const queue = (name: string): number => overview.queues.find((one) => one.queue === name)?.count ?? 0;
  const findings: Finding[] = [];
  if (!overview.trial_balance.is_balanced) findings.push({ text: "The books are out of balance", href: to("ledger") });
  const parked = queue("parked");
  if (parked > 0)
    findings.push({ text: count(parked, "payment is parked", "payments are parked"), href: to("queues", "parked") });
  const late = queue("late");
  if (late > 0)
    findings.push({
      text: count(late, "late success lies in suspense", "late successes lie in suspense"),
      href: to("queues", "late"),
    });
  const { failing, parked: givenUp, late: behind } = overview.webhooks;
  if (failing > 0)
    findings.push({
      text: count(failing, "webhook endpoint fails every time", "webhook endpoints fail every time"),
      href: to("webhooks"),
    });
  if (givenUp > 0)
    findings.push({ text: count(givenUp, "webhook was given up", "webhooks were given up"), href: to("webhooks") });
  if (behind > 0)
    findings.push({ text: count(behind, "webhook comes late", "webhooks come late"), href: to("webhooks") });
  for (const { psp, is_open: isOpen } of overview.psps ?? []) {
    if (isOpen) findings.push({ text: `Calls to ${psp} are held back`, href: to("queues", "retrying") });
  }
  const gone = overview.nodes?.filter(({ is_alive: isAlive }) => !isAlive).length ?? 0;
  if (gone > 0) findings.push({ text: count(gone, "node is gone", "nodes are gone"), href: "#nodes-title" });
  return findings;
}

export function Verdict({ overview }: { readonly overview: Overview }) {
  const findings = findTrouble(overview);
  if (findings.length === 0) {
    return (
      <p class="verdict is-good">
        <Icon name="done" />
        <span>
          <strong>All is well.</strong> Nothing waits for a person.
        </span>
      </p>
    );
  }
  return (
    <div class="verdict is-warn">
      <Icon name="warning" />
      <div>
        <strong>Look at this:</strong>
        <ul>
          {findings.map(({ text, href }) => (
            <li key={text}>
              <a href={href}>{text}</a>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
