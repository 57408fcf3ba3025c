import { defineConfig } from "drizzle-kit";

/** `npm run db:generate -- --name <what changes>`; triggers, roles and views go into `--custom` migrations. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/db/schema/*.ts",
  out: "./src/db/migrations",
  casing: "snake_case",
});
