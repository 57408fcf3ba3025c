/** PostgreSQL's errors, as postgres.js throws them: with their SQLSTATE and what they say of table, column and constraint. */
import postgres from "postgres";

interface Fields {
  readonly table_name?: string;
  readonly column_name?: string;
  readonly constraint_name?: string;
}

/** The driver's own constructor takes the fields of the server's message; its types do not say so. */
type ErrorConstructor = new (fields: object) => postgres.PostgresError;

export function postgresError(code: string, message: string, fields: Fields = {}): postgres.PostgresError {
  const Constructor = postgres.PostgresError as unknown as ErrorConstructor;
  return new Constructor({ severity: "ERROR", severity_local: "ERROR", code, message, ...fields });
}

export const invalidText = (type: string, value: unknown): postgres.PostgresError =>
  postgresError("22P02", `invalid input syntax for type ${type}: "${String(value)}"`);

export const outOfRange = (type: string, value: unknown): postgres.PostgresError =>
  postgresError("22003", `value "${String(value)}" is out of range for type ${type}`);

export const invalidParameter = (message: string): postgres.PostgresError => postgresError("22023", message);

export function uniqueViolation(table: string, constraint: string): postgres.PostgresError {
  const message = `duplicate key value violates unique constraint "${constraint}"`;
  return postgresError("23505", message, { table_name: table, constraint_name: constraint });
}

export function checkViolation(table: string, constraint: string): postgres.PostgresError {
  const message = `new row for relation "${table}" violates check constraint "${constraint}"`;
  return postgresError("23514", message, { table_name: table, constraint_name: constraint });
}

export function foreignKeyViolation(table: string, constraint: string): postgres.PostgresError {
  const message = `insert or update on table "${table}" violates foreign key constraint "${constraint}"`;
  return postgresError("23503", message, { table_name: table, constraint_name: constraint });
}

/** The value of a column that must have one. */
export function required<T>(value: T | null, table: string, column: string): T {
  if (value !== null) return value;
  const message = `null value in column "${column}" of relation "${table}" violates not-null constraint`;
  throw postgresError("23502", message, { table_name: table, column_name: column });
}
