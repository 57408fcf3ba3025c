/** The books balance, and an account is nothing but the sum of its postings. */
import type { Facts } from "./facts.ts";
import { type Finding, group } from "./finding.ts";

interface Sums {
  debits: bigint;
  credits: bigint;
}

export function judgeBooks({ accounts, postings }: Facts): readonly Finding[] {
  const sums = new Map<string, Sums>();
  const sumOf = (name: string): Sums => {
    const known = sums.get(name) ?? { debits: 0n, credits: 0n };
    sums.set(name, known);
    return known;
  };
  for (const { merchantId, currency, debit, credit, amount } of postings) {
    sumOf(`${merchantId} ${currency} ${debit}`).debits += BigInt(amount);
    sumOf(`${merchantId} ${currency} ${credit}`).credits += BigInt(amount);
  }
  const differing: string[] = [];
  for (const { merchantId, currency, account, debits, credits } of accounts) {
    const name = `${merchantId} ${currency} ${account}`;
    const sum = sumOf(name);
    sums.delete(name);
    if (sum.debits !== BigInt(debits) || sum.credits !== BigInt(credits))
      differing.push(`account ${name} says ${debits}/${credits}, its postings ${sum.debits}/${sum.credits}`);
  }
  differing.push(...[...sums.keys()].map((name) => `account ${name} has postings and no row`));

  const books = group(accounts, ({ merchantId, currency }) => `${merchantId} ${currency}`);
  const unbalanced = [...books].flatMap(([name, own]) => {
    const difference = own.reduce((sum, { debits, credits }) => sum + BigInt(debits) - BigInt(credits), 0n);
    return difference === 0n ? [] : [`the books of ${name} are off by ${difference}`];
  });
  return [
    { property: "the books of a currency balance", tried: books.size, violations: unbalanced },
    { property: "an account is the sum of its postings", tried: accounts.length, violations: differing },
  ];
}
