CREATE TABLE "attempts" (
	"merchant_id" integer NOT NULL,
	"actor_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"operation" text NOT NULL,
	"operation_number" smallint NOT NULL,
	"psp" text NOT NULL,
	"idempotency_key" text NOT NULL,
	"request" text,
	"at" timestamp (3) with time zone NOT NULL,
	"node" uuid NOT NULL,
	CONSTRAINT "attempts_merchant_id_actor_id_attempt_pk" PRIMARY KEY("merchant_id","actor_id","attempt")
);
--> statement-breakpoint
CREATE TABLE "commands" (
	"command_id" uuid PRIMARY KEY NOT NULL,
	"merchant_id" integer NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid NOT NULL,
	"command" json NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"handled_at" timestamp (3) with time zone,
	"result" json
);
--> statement-breakpoint
CREATE TABLE "events" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"type" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"order_version" integer,
	"data" json,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "events_merchant_id_id_pk" PRIMARY KEY("merchant_id","id")
);
--> statement-breakpoint
CREATE TABLE "inbox" (
	"psp" text NOT NULL,
	"event_id" text NOT NULL,
	"type" text NOT NULL,
	"merchant_id" integer,
	"actor_kind" text,
	"actor_id" uuid,
	"fact" json,
	"body" "bytea" NOT NULL,
	"received_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"handled_at" timestamp (3) with time zone,
	"disposition" text,
	CONSTRAINT "inbox_psp_event_id_pk" PRIMARY KEY("psp","event_id")
);
--> statement-breakpoint
CREATE TABLE "nodes" (
	"node_id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"heartbeat_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"stopped_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "observations" (
	"merchant_id" integer NOT NULL,
	"actor_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"source" text NOT NULL,
	"actor_kind" text NOT NULL,
	"fact" json NOT NULL,
	"http_status" smallint,
	"body" "bytea" NOT NULL,
	"latency_ms" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"node" uuid NOT NULL,
	"handled_at" timestamp (3) with time zone,
	CONSTRAINT "observations_merchant_id_actor_id_attempt_source_pk" PRIMARY KEY("merchant_id","actor_id","attempt","source")
);
--> statement-breakpoint
CREATE TABLE "timers" (
	"merchant_id" integer NOT NULL,
	"actor_id" uuid NOT NULL,
	"actor_kind" text NOT NULL,
	"seq" integer NOT NULL,
	"name" text NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "timers_merchant_id_actor_id_pk" PRIMARY KEY("merchant_id","actor_id")
);
--> statement-breakpoint
CREATE TABLE "transitions" (
	"merchant_id" integer NOT NULL,
	"actor_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"actor_kind" text NOT NULL,
	"step_id" uuid NOT NULL,
	"from_state" text NOT NULL,
	"to_state" text NOT NULL,
	"event" json NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"node" uuid NOT NULL,
	"trace" text,
	CONSTRAINT "transitions_merchant_id_actor_id_seq_pk" PRIMARY KEY("merchant_id","actor_id","seq")
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"merchant_id" integer NOT NULL,
	"currency" text NOT NULL,
	"account" text NOT NULL,
	"kind" text NOT NULL,
	"debits" numeric(38,0) NOT NULL,
	"credits" numeric(38,0) NOT NULL,
	CONSTRAINT "accounts_merchant_id_currency_account_pk" PRIMARY KEY("merchant_id","currency","account")
);
--> statement-breakpoint
CREATE TABLE "journal_entries" (
	"merchant_id" integer NOT NULL,
	"actor_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"rule" text NOT NULL,
	"psp" text,
	"psp_reference" text,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "journal_entries_merchant_id_actor_id_seq_pk" PRIMARY KEY("merchant_id","actor_id","seq")
);
--> statement-breakpoint
CREATE TABLE "postings" (
	"merchant_id" integer NOT NULL,
	"actor_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"leg" smallint NOT NULL,
	"currency" text NOT NULL,
	"debit_account" text NOT NULL,
	"credit_account" text NOT NULL,
	"amount" bigint NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "postings_merchant_id_actor_id_seq_leg_pk" PRIMARY KEY("merchant_id","actor_id","seq","leg"),
	CONSTRAINT "postings_amount_positive" CHECK (amount > 0),
	CONSTRAINT "postings_two_accounts" CHECK (debit_account <> credit_account)
);
--> statement-breakpoint
CREATE TABLE "payment_events" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"checkout_id" text NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"buyer_info" json,
	"payment_method_token" text,
	"return_url" text,
	"metadata" json NOT NULL,
	"order_count" integer NOT NULL,
	"open_order_count" integer NOT NULL,
	"succeeded_order_count" integer DEFAULT 0 NOT NULL,
	"is_payment_done" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "payment_events_merchant_id_id_pk" PRIMARY KEY("merchant_id","id"),
	CONSTRAINT "payment_events_checkout_id" UNIQUE("merchant_id","checkout_id")
);
--> statement-breakpoint
CREATE TABLE "payment_orders" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"payment_order_id" text NOT NULL,
	"payment_event_id" uuid NOT NULL,
	"ordinal" smallint NOT NULL,
	"seller_account" text NOT NULL,
	"amount" bigint NOT NULL,
	"currency" text NOT NULL,
	"platform_fee" bigint NOT NULL,
	"psp" text NOT NULL,
	"description" text,
	"metadata" json NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"payment_order_status" text NOT NULL,
	"phase" text,
	"psp_reference" text,
	"amount_captured" bigint DEFAULT 0 NOT NULL,
	"amount_refunded" bigint DEFAULT 0 NOT NULL,
	"late_open" smallint DEFAULT 0 NOT NULL,
	"ledger_updated" boolean DEFAULT false NOT NULL,
	"wallet_updated" boolean DEFAULT false NOT NULL,
	"state_since" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"machine_version" smallint NOT NULL,
	"snapshot" json NOT NULL,
	"version" integer NOT NULL,
	"revision" integer NOT NULL,
	"owner" uuid,
	"fencing_token" bigint NOT NULL,
	"quarantined_at" timestamp (3) with time zone,
	"quarantine_reason" text,
	CONSTRAINT "payment_orders_merchant_id_id_pk" PRIMARY KEY("merchant_id","id"),
	CONSTRAINT "payment_orders_payment_order_id" UNIQUE("merchant_id","payment_order_id")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"api_key_id" uuid PRIMARY KEY NOT NULL,
	"merchant_id" integer NOT NULL,
	"name" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"last_four" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_secretHash_unique" UNIQUE("secret_hash")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"merchant_id" integer NOT NULL,
	"key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"subject" text NOT NULL,
	"status" smallint,
	"answer" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_merchant_id_key_pk" PRIMARY KEY("merchant_id","key")
);
--> statement-breakpoint
CREATE TABLE "merchants" (
	"merchant_id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "merchants_merchant_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"mode" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "postings" ADD CONSTRAINT "postings_entry" FOREIGN KEY ("merchant_id","actor_id","seq") REFERENCES "public"."journal_entries"("merchant_id","actor_id","seq") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "postings" ADD CONSTRAINT "postings_debit_account" FOREIGN KEY ("merchant_id","currency","debit_account") REFERENCES "public"."accounts"("merchant_id","currency","account") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "postings" ADD CONSTRAINT "postings_credit_account" FOREIGN KEY ("merchant_id","currency","credit_account") REFERENCES "public"."accounts"("merchant_id","currency","account") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_merchant_id_merchants_merchant_id_fk" FOREIGN KEY ("merchant_id") REFERENCES "public"."merchants"("merchant_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "commands_unhandled" ON "commands" USING btree ("created_at") WHERE handled_at IS NULL;--> statement-breakpoint
CREATE INDEX "inbox_unhandled" ON "inbox" USING btree ("received_at") WHERE handled_at IS NULL;--> statement-breakpoint
CREATE INDEX "inbox_actor" ON "inbox" USING btree ("merchant_id","actor_id");--> statement-breakpoint
CREATE INDEX "observations_unhandled" ON "observations" USING btree ("at") WHERE handled_at IS NULL;--> statement-breakpoint
CREATE INDEX "timers_due" ON "timers" USING btree ("due_at");--> statement-breakpoint
CREATE UNIQUE INDEX "journal_entries_psp_reference" ON "journal_entries" USING btree ("psp","psp_reference") WHERE psp_reference IS NOT NULL;--> statement-breakpoint
CREATE INDEX "postings_debit" ON "postings" USING btree ("merchant_id","debit_account","currency","at");--> statement-breakpoint
CREATE INDEX "postings_credit" ON "postings" USING btree ("merchant_id","credit_account","currency","at");--> statement-breakpoint
CREATE INDEX "payment_orders_event" ON "payment_orders" USING btree ("merchant_id","payment_event_id");--> statement-breakpoint
CREATE INDEX "payment_orders_owner" ON "payment_orders" USING btree ("owner") WHERE owner IS NOT NULL;--> statement-breakpoint
CREATE INDEX "payment_orders_queues" ON "payment_orders" USING btree ("merchant_id","phase","state_since") WHERE phase IN ('retrying', 'pending', 'resolving', 'parked', 'authorized');--> statement-breakpoint
CREATE INDEX "payment_orders_quarantined" ON "payment_orders" USING btree ("merchant_id","state_since") WHERE quarantined_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "payment_orders_late" ON "payment_orders" USING btree ("merchant_id","state_since") WHERE late_open > 0;--> statement-breakpoint
CREATE INDEX "payment_orders_seller" ON "payment_orders" USING btree ("merchant_id","seller_account","id");--> statement-breakpoint
CREATE INDEX "payment_orders_open_reference" ON "payment_orders" USING btree ("merchant_id","psp_reference") WHERE psp_reference IS NOT NULL AND payment_order_status <> 'SUCCESS';