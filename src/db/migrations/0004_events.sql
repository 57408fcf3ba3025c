CREATE TABLE "deliveries" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"event_type" text NOT NULL,
	"status" text NOT NULL,
	"failures" smallint DEFAULT 0 NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone NOT NULL,
	"claim" uuid,
	"last_attempt_at" timestamp (3) with time zone,
	"last_status" smallint,
	"last_latency_ms" integer,
	"last_error" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp (3) with time zone,
	CONSTRAINT "deliveries_merchant_id_id_pk" PRIMARY KEY("merchant_id","id")
);
--> statement-breakpoint
CREATE TABLE "delivery_attempts" (
	"merchant_id" integer NOT NULL,
	"delivery_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"node" uuid NOT NULL,
	"status" smallint,
	"latency_ms" integer NOT NULL,
	"error" text,
	"excerpt" text,
	CONSTRAINT "delivery_attempts_merchant_id_delivery_id_attempt_pk" PRIMARY KEY("merchant_id","delivery_id","attempt")
);
--> statement-breakpoint
CREATE TABLE "event_positions" (
	"one" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"last" bigint NOT NULL,
	CONSTRAINT "event_positions_one" CHECK (one = 1)
);
--> statement-breakpoint
CREATE TABLE "event_streams" (
	"name" text PRIMARY KEY NOT NULL,
	"position" bigint NOT NULL,
	"holder" uuid,
	"held_until" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"merchant_id" integer NOT NULL,
	"id" uuid NOT NULL,
	"url" text NOT NULL,
	"events" text[] NOT NULL,
	"description" text,
	"enabled" boolean DEFAULT true NOT NULL,
	"disabled_reason" text,
	"secret_generation" integer DEFAULT 1 NOT NULL,
	"previous_secret_until" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_endpoints_merchant_id_id_pk" PRIMARY KEY("merchant_id","id")
);
--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "position" bigint;--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "deliveries" USING btree ("merchant_id","endpoint_id","next_attempt_at") WHERE status = 'due';--> statement-breakpoint
CREATE INDEX "deliveries_parked" ON "deliveries" USING btree ("merchant_id","endpoint_id","id") WHERE status = 'parked';--> statement-breakpoint
CREATE INDEX "deliveries_endpoint" ON "deliveries" USING btree ("merchant_id","endpoint_id","id");--> statement-breakpoint
CREATE INDEX "deliveries_event" ON "deliveries" USING btree ("merchant_id","event_id");--> statement-breakpoint
CREATE INDEX "events_unpositioned" ON "events" USING btree ("created_at","id") WHERE position IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "events_position" ON "events" USING btree ("position") WHERE position IS NOT NULL;--> statement-breakpoint
CREATE INDEX "events_merchant_position" ON "events" USING btree ("merchant_id","position") WHERE position IS NOT NULL;--> statement-breakpoint
INSERT INTO event_positions (last) VALUES (0);
--> statement-breakpoint
INSERT INTO event_streams (name, position) VALUES ('redis', 0);
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON event_positions, event_streams, webhook_endpoints, deliveries TO florin_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON delivery_attempts TO florin_app;
--> statement-breakpoint
-- Rows that change a few times in their first minutes and then rest: what they leave behind is swept up soon, or the
-- partial indexes that find the open ones would be walked past thousands of dead entries.
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);
--> statement-breakpoint
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);
--> statement-breakpoint
ALTER TABLE event_positions SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
--> statement-breakpoint
-- A UUIDv7 (RFC 9562) of this moment.
CREATE FUNCTION new_time_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (left(ms, 8) || '-' || right(ms, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
  FROM (SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS ms) AS moment
$$;
--> statement-breakpoint
-- Gives events the order in which everybody reads them, and makes their deliveries.
--
-- A commit may become visible long after another that began later, so no time, sequence or id tells a reader that
-- nothing will turn up behind it. Positions do: they are given one call after the other, to events that are committed.
-- The counter's row is locked until this transaction ends, so a position is visible only when all before it are; and
-- the events are looked for in a statement of its own, whose snapshot is taken after the lock was had. Whoever comes
-- while another is at it does nothing.
CREATE FUNCTION relay_events(p_limit integer) RETURNS TABLE (relayed integer, made integer, last_position bigint)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  v_last bigint;
  v_limit integer;
  v_relayed integer;
  v_made integer := 0;
BEGIN
  -- A lock is a write: whoever only looks takes none.
  IF NOT EXISTS (SELECT FROM events e WHERE e.position IS NULL AND e.data IS NOT NULL) THEN
    RETURN;
  END IF;
  SELECT p.last INTO v_last FROM event_positions p FOR UPDATE SKIP LOCKED;
  IF v_last IS NULL THEN
    RETURN;
  END IF;
  -- A merchant with a thousand endpoints gets a thousand deliveries for each event: fewer events at a time then.
  SELECT least(p_limit, greatest(1, 20000 / greatest(1, max(counted.endpoints)))) INTO v_limit
  FROM (
    SELECT count(*)::integer AS endpoints FROM webhook_endpoints e
    WHERE e.enabled AND e.deleted_at IS NULL GROUP BY e.merchant_id
  ) counted;

  -- In the order of time, but never a later version of an order before an earlier one: the clocks of nodes differ.
  WITH fresh AS MATERIALIZED (
    SELECT e.merchant_id, e.id, e.subject_id, e.order_version, e.created_at FROM events e
    WHERE e.position IS NULL AND e.data IS NOT NULL
    ORDER BY e.created_at, e.id
    LIMIT v_limit
  ), timed AS (
    SELECT f.merchant_id, f.id, f.order_version,
      max(f.created_at) OVER (PARTITION BY f.merchant_id, f.subject_id ORDER BY f.order_version, f.id) AS at
    FROM fresh f
  ), numbered AS MATERIALIZED (
    SELECT t.merchant_id, t.id, v_last + row_number() OVER (ORDER BY t.at, t.order_version NULLS LAST, t.id) AS position
    FROM timed t
  )
  UPDATE events e SET position = n.position
  FROM numbered n WHERE e.merchant_id = n.merchant_id AND e.id = n.id;
  GET DIAGNOSTICS v_relayed = ROW_COUNT;

  IF v_relayed > 0 THEN
    -- Locked, so that whoever deletes an endpoint meanwhile waits, and then finds these deliveries too.
    WITH told AS MATERIALIZED (
      SELECT e.merchant_id, e.id, e.type, e.position FROM events e WHERE e.position > v_last
    ), listening AS MATERIALIZED (
      SELECT w.merchant_id, w.id, w.events FROM webhook_endpoints w
      WHERE w.merchant_id IN (SELECT t.merchant_id FROM told t) AND w.enabled AND w.deleted_at IS NULL
      FOR SHARE
    )
    INSERT INTO deliveries (merchant_id, id, endpoint_id, event_id, event_type, status, next_attempt_at)
    SELECT t.merchant_id, new_time_id(), w.id, t.id, t.type, 'due', now()
    FROM told t JOIN listening w ON w.merchant_id = t.merchant_id
    WHERE event_matches(t.type, w.events)
    ORDER BY t.position, w.id;
    GET DIAGNOSTICS v_made = ROW_COUNT;
    UPDATE event_positions p SET last = v_last + v_relayed;
  END IF;
  RETURN QUERY SELECT v_relayed, v_made, v_last + v_relayed;
END;
$$;
--> statement-breakpoint
-- `payment_order.*` means every type that begins with `payment_order.`, `*` every type.
CREATE FUNCTION event_matches(p_type text, p_patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT EXISTS (
    SELECT FROM unnest(p_patterns) AS pattern
    WHERE pattern = '*' OR pattern = p_type OR (right(pattern, 2) = '.*' AND starts_with(p_type, left(pattern, -1)))
  )
$$;
--> statement-breakpoint
-- Takes due deliveries for one node: at most so many of each endpoint as the node has places for, so that one that
-- hangs holds up no other. From endpoint to endpoint it leaps over all that waits there. A claim is a token and a due
-- time in the future: when its node dies, the delivery comes due again.
CREATE FUNCTION claim_deliveries(p_claim uuid, p_limit integer, p_visible_ms integer, p_default integer, p_places json)
RETURNS TABLE (merchant_id integer, id uuid, endpoint_id uuid, failures smallint, attempts integer, url text,
  secret_generation integer, has_previous_secret boolean, event_id uuid, event_type text, event_created_at timestamptz,
  order_version integer, data text, buyer_info text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET seq_page_cost = 0
SET random_page_cost = 0
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH RECURSIVE waiting AS (
    (
      SELECT d.merchant_id, d.endpoint_id, d.next_attempt_at FROM deliveries d WHERE d.status = 'due'
      ORDER BY d.merchant_id, d.endpoint_id, d.next_attempt_at LIMIT 1
    )
    UNION ALL
    SELECT n.merchant_id, n.endpoint_id, n.next_attempt_at
    FROM waiting w CROSS JOIN LATERAL (
      SELECT d.merchant_id, d.endpoint_id, d.next_attempt_at FROM deliveries d
      WHERE d.status = 'due' AND (d.merchant_id, d.endpoint_id) > (w.merchant_id, w.endpoint_id)
      ORDER BY d.merchant_id, d.endpoint_id, d.next_attempt_at LIMIT 1
    ) n
  ), places AS MATERIALIZED (
    SELECT p.endpoint_id, p.free FROM json_to_recordset(p_places) AS p(endpoint_id uuid, free integer)
  ), ready AS MATERIALIZED (
    SELECT w.merchant_id, w.endpoint_id, coalesce(p.free, p_default) AS free
    FROM waiting w
    JOIN webhook_endpoints e ON e.merchant_id = w.merchant_id AND e.id = w.endpoint_id
    LEFT JOIN places p ON p.endpoint_id = w.endpoint_id
    WHERE w.next_attempt_at <= now() AND e.enabled AND e.deleted_at IS NULL AND coalesce(p.free, p_default) > 0
    ORDER BY w.next_attempt_at
    LIMIT p_limit
  ), taken AS MATERIALIZED (
    SELECT t.merchant_id, t.id FROM ready r CROSS JOIN LATERAL (
      SELECT d.merchant_id, d.id FROM deliveries d
      WHERE d.status = 'due' AND d.merchant_id = r.merchant_id AND d.endpoint_id = r.endpoint_id AND d.next_attempt_at <= now()
      ORDER BY d.next_attempt_at, d.id LIMIT r.free
      FOR UPDATE SKIP LOCKED
    ) t
    LIMIT p_limit
  ), claimed AS (
    UPDATE deliveries d SET claim = p_claim, attempts = d.attempts + 1,
      next_attempt_at = now() + p_visible_ms * interval '1 ms'
    FROM taken t WHERE d.merchant_id = t.merchant_id AND d.id = t.id
    RETURNING d.merchant_id, d.id, d.endpoint_id, d.event_id, d.failures, d.attempts
  )
  SELECT c.merchant_id, c.id, c.endpoint_id, c.failures, c.attempts, w.url, w.secret_generation,
    coalesce(w.previous_secret_until > now(), false), e.id, e.type, e.created_at, e.order_version, e.data::text,
    b.buyer_info::text
  FROM claimed c
  JOIN webhook_endpoints w ON w.merchant_id = c.merchant_id AND w.id = c.endpoint_id
  JOIN events e ON e.merchant_id = c.merchant_id AND e.id = c.event_id
  LEFT JOIN payment_events b ON e.type = 'payment_event.done' AND b.merchant_id = e.merchant_id AND b.id = e.subject_id
  ORDER BY e.position;
END;
$$;
--> statement-breakpoint
-- Writes down what became of attempts. A claim that ran out changes nothing but by a success, which is one whoever
-- holds the delivery by now.
CREATE FUNCTION record_attempts(p_node uuid, p_attempts json) RETURNS integer
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  v_changed integer;
BEGIN
  WITH results AS MATERIALIZED (
    SELECT * FROM json_to_recordset(p_attempts)
      AS r(merchant_id integer, id uuid, claim uuid, attempt integer, outcome text, next_in_ms float8, status smallint,
           latency_ms integer, error text)
  ), locked AS MATERIALIZED (
    SELECT d.merchant_id, d.id FROM results r
    JOIN deliveries d ON d.merchant_id = r.merchant_id AND d.id = r.id
    ORDER BY d.merchant_id, d.id
    FOR UPDATE OF d
  )
  UPDATE deliveries d SET
    status = CASE r.outcome WHEN 'failed' THEN 'due' ELSE r.outcome END,
    failures = CASE r.outcome WHEN 'delivered' THEN d.failures ELSE d.failures + 1 END,
    next_attempt_at = now() + r.next_in_ms * interval '1 ms',
    claim = NULL,
    last_attempt_at = now() - r.latency_ms * interval '1 ms',
    last_status = r.status,
    last_latency_ms = r.latency_ms,
    last_error = r.error,
    delivered_at = CASE r.outcome WHEN 'delivered' THEN now() END
  FROM results r JOIN locked l ON l.merchant_id = r.merchant_id AND l.id = r.id
  WHERE d.merchant_id = r.merchant_id AND d.id = r.id
    AND (d.status = 'due' AND d.claim = r.claim OR d.status IN ('due', 'parked') AND r.outcome = 'delivered');
  GET DIAGNOSTICS v_changed = ROW_COUNT;

  INSERT INTO delivery_attempts (merchant_id, delivery_id, attempt, at, node, status, latency_ms, error, excerpt)
  SELECT r.merchant_id, r.id, r.attempt, now() - r.latency_ms * interval '1 ms', p_node, r.status, r.latency_ms, r.error, r.excerpt
  FROM json_to_recordset(p_attempts)
    AS r(merchant_id integer, id uuid, attempt integer, status smallint, latency_ms integer, error text, excerpt text)
  ON CONFLICT DO NOTHING;
  RETURN v_changed;
END;
$$;
