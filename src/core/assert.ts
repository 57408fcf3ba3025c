/**
 * Assertions stay on in production: a broken invariant about money must stop the step that found it,
 * never travel on. The engine quarantines the order whose step threw.
 */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Ends an exhaustive `switch`: a new member of the union fails the type check, and at run time it throws. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value: ${JSON.stringify(value)}`);
}
