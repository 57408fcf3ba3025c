-- The role that the process works as. It may not rewrite history: of the append-only tables it may only read
-- and insert, and the tables' owner is stopped by triggers too.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'florin_app') THEN
    CREATE ROLE florin_app;
  END IF;
  -- Whoever migrates may take the role, so that one DATABASE_URL serves both.
  IF NOT pg_has_role(current_user, 'florin_app', 'MEMBER') THEN
    EXECUTE format('GRANT florin_app TO %I', current_user);
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO florin_app', current_schema());
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON
  merchants, api_keys, idempotency_keys, settings, payment_events, payment_orders, nodes, observations, inbox, commands,
  timers, events, accounts
TO florin_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON transitions, attempts, journal_entries, postings TO florin_app;
--> statement-breakpoint
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: correct it with a new row, never by % of an old one', TG_TABLE_NAME, lower(TG_OP)
    USING ERRCODE = 'insufficient_privilege';
END;
$$;
--> statement-breakpoint
CREATE TRIGGER journal_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
--> statement-breakpoint
CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
--> statement-breakpoint
CREATE TRIGGER transitions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transitions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
--> statement-breakpoint
-- The classical two-sided view: each posting as a debit line and a credit line.
CREATE VIEW ledger_lines AS
SELECT merchant_id, currency, debit_account AS account, actor_id, seq, leg, at, 'debit' AS side, amount AS debit, 0::bigint AS credit,
  credit_account AS other_account
FROM postings
UNION ALL
SELECT merchant_id, currency, credit_account, actor_id, seq, leg, at, 'credit', 0, amount, debit_account
FROM postings;
--> statement-breakpoint
GRANT SELECT ON ledger_lines TO florin_app;
