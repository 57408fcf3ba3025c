CREATE TABLE "audit_log" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"api_key_id" uuid NOT NULL,
	"via" text NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"reason" text,
	"request_id" text NOT NULL,
	"node" uuid NOT NULL,
	CONSTRAINT "audit_log_merchant_id_id_pk" PRIMARY KEY("merchant_id","id"),
	CONSTRAINT "audit_log_via" CHECK (via IN ('console', 'api')),
	CONSTRAINT "audit_log_action" CHECK (action IN ('retry', 'resolve', 'cancel', 'redeliver'))
);
--> statement-breakpoint
CREATE TABLE "audit_outcomes" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"status" smallint NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "audit_outcomes_merchant_id_id_pk" PRIMARY KEY("merchant_id","id")
);
--> statement-breakpoint
CREATE TABLE "console_sessions" (
	"token_hash" "bytea" PRIMARY KEY NOT NULL,
	"api_key_id" uuid NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "console_sessions_role" CHECK (role IN ('operator', 'reader'))
);
--> statement-breakpoint
CREATE TABLE "node_statistics" (
	"node_id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"figures" json NOT NULL
);
--> statement-breakpoint
ALTER TABLE "audit_outcomes" ADD CONSTRAINT "audit_outcomes_intent" FOREIGN KEY ("merchant_id","id") REFERENCES "public"."audit_log"("merchant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "console_sessions" ADD CONSTRAINT "console_sessions_api_key_id_api_keys_api_key_id_fk" FOREIGN KEY ("api_key_id") REFERENCES "public"."api_keys"("api_key_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_statistics" ADD CONSTRAINT "node_statistics_node_id_nodes_node_id_fk" FOREIGN KEY ("node_id") REFERENCES "public"."nodes"("node_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "payment_orders_rare" ON "payment_orders" USING btree ("merchant_id","payment_order_status","id") WHERE payment_order_status IN ('NOT_STARTED', 'FAILED');
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON console_sessions, node_statistics TO florin_app;
--> statement-breakpoint
-- Who decided what is history: the role that the process works as may only add to it, and the owner is stopped by triggers.
GRANT SELECT, INSERT ON audit_log, audit_outcomes TO florin_app;
--> statement-breakpoint
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
--> statement-breakpoint
CREATE TRIGGER audit_outcomes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_outcomes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
