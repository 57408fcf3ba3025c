-- The function before, of five arguments, stays for nodes that are not replaced yet.
--
-- As before, and now fair between merchants: endpoints are served in rounds, one of each merchant at a time, and the
-- attempts that a merchant has under way on this node (`p_under_way`) count as rounds that it had; more than `p_share`
-- of them it has not. By age alone, one merchant's thousand endpoints that hang are always the oldest and take every
-- place. What a merchant has left is divided between its endpoints that are ready, at least one each.
-- Rows are written where they were found, and each further table is looked up by its key, one row at a time: a join
-- leaves the order to the planner, which takes tables that were filled while they were analyzed for empty. Then it also
-- prefers to sort what it reads by another index, all that waits for an endpoint: so it may not sort where it need not.
CREATE FUNCTION claim_deliveries(p_claim uuid, p_limit integer, p_visible_ms integer, p_default integer, p_places jsonb,
  p_share integer, p_under_way jsonb)
RETURNS TABLE (merchant_id integer, id uuid, endpoint_id uuid, failures smallint, attempts integer, url text,
  secret_generation integer, retiring_generations json, event_id uuid, event_type text, event_created_at timestamptz,
  order_version integer, data text, buyer_info text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET seq_page_cost = 0
SET random_page_cost = 0
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
SET enable_incremental_sort = off
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
  ), open AS MATERIALIZED (
    SELECT w.merchant_id, w.endpoint_id, w.next_attempt_at, f.free,
      coalesce((p_under_way ->> w.merchant_id::text)::integer, 0) AS under_way
    FROM waiting w
    CROSS JOIN LATERAL (SELECT coalesce((p_places ->> w.endpoint_id::text)::integer, p_default) AS free) f
    CROSS JOIN LATERAL (
      SELECT e.id FROM webhook_endpoints e
      WHERE e.merchant_id = w.merchant_id AND e.id = w.endpoint_id
        AND e.enabled AND e.deleted_at IS NULL AND coalesce(e.not_before <= now(), true)
      OFFSET 0
    ) e
    WHERE w.next_attempt_at <= now() AND f.free > 0
  ), ranked AS MATERIALIZED (
    SELECT o.*, count(*) OVER (PARTITION BY o.merchant_id)::integer AS endpoints,
      o.under_way + row_number() OVER (PARTITION BY o.merchant_id ORDER BY o.next_attempt_at) AS round
    FROM open o
  ), ready AS MATERIALIZED (
    SELECT r.merchant_id, r.endpoint_id, least(r.free, greatest(1, (p_share - r.under_way) / r.endpoints)) AS free
    FROM ranked r
    WHERE r.round <= p_share
    ORDER BY r.round, r.next_attempt_at
    LIMIT p_limit
  ), taken AS MATERIALIZED (
    SELECT t.place FROM ready r CROSS JOIN LATERAL (
      SELECT d.ctid AS place FROM deliveries d
      WHERE d.status = 'due' AND d.merchant_id = r.merchant_id AND d.endpoint_id = r.endpoint_id AND d.next_attempt_at <= now()
      ORDER BY d.next_attempt_at LIMIT r.free
      FOR UPDATE SKIP LOCKED
    ) t
    LIMIT p_limit
  ), claimed AS (
    UPDATE deliveries d SET claim = p_claim, attempts = d.attempts + 1,
      next_attempt_at = now() + p_visible_ms * interval '1 ms'
    WHERE d.ctid = ANY (ARRAY(SELECT t.place FROM taken t))
    RETURNING d.merchant_id, d.id, d.endpoint_id, d.event_id, d.failures, d.attempts
  )
  SELECT c.merchant_id, c.id, c.endpoint_id, c.failures, c.attempts, w.url, w.secret_generation,
    (SELECT json_agg(s.generation ORDER BY s.generation DESC)
     FROM json_to_recordset(w.retiring_secrets) AS s(generation integer, until float8)
     WHERE s.until > extract(epoch FROM now()) * 1000),
    e.id, e.type, e.created_at, e.order_version, e.data::text, b.buyer_info::text
  FROM claimed c
  CROSS JOIN LATERAL (
    SELECT w.url, w.secret_generation, w.retiring_secrets FROM webhook_endpoints w
    WHERE w.merchant_id = c.merchant_id AND w.id = c.endpoint_id OFFSET 0
  ) w
  CROSS JOIN LATERAL (
    SELECT e.* FROM events e WHERE e.merchant_id = c.merchant_id AND e.id = c.event_id OFFSET 0
  ) e
  LEFT JOIN LATERAL (
    SELECT b.buyer_info FROM payment_events b
    WHERE e.type = 'payment_event.done' AND b.merchant_id = c.merchant_id AND b.id = e.subject_id OFFSET 0
  ) b ON true
  ORDER BY e.position;
END;
$$;
--> statement-breakpoint
ALTER FUNCTION end_deliveries(integer, float8) SET enable_sort = off;
--> statement-breakpoint
ALTER FUNCTION end_deliveries(integer, float8) SET enable_incremental_sort = off;
--> statement-breakpoint
-- As before, and now each row is looked up by its key and written where it was found, for the same reason. Locked by one
-- statement and written by the next, which sees what they have become meanwhile.
CREATE OR REPLACE FUNCTION record_attempts(p_node uuid, p_attempts json) RETURNS integer
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
DECLARE
  v_changed integer;
BEGIN
  PERFORM FROM (
    SELECT * FROM json_to_recordset(p_attempts) AS r(merchant_id integer, id uuid) ORDER BY merchant_id, id OFFSET 0
  ) r CROSS JOIN LATERAL (
    SELECT FROM deliveries d WHERE (d.merchant_id, d.id) >= (r.merchant_id, r.id)
    ORDER BY d.merchant_id, d.id LIMIT 1
    FOR UPDATE
  ) d;

  WITH found AS MATERIALIZED (
    SELECT r.*, d.place
    FROM json_to_recordset(p_attempts)
      AS r(merchant_id integer, id uuid, claim uuid, attempt integer, outcome text, next_in_ms float8, status smallint,
           latency_ms integer, error text)
    CROSS JOIN LATERAL (
      SELECT d.ctid AS place, d.merchant_id, d.id FROM deliveries d WHERE (d.merchant_id, d.id) >= (r.merchant_id, r.id)
      ORDER BY d.merchant_id, d.id LIMIT 1
    ) d
    WHERE d.merchant_id = r.merchant_id AND d.id = r.id
  )
  UPDATE deliveries d SET
    status = CASE f.outcome WHEN 'failed' THEN 'due' ELSE f.outcome END,
    failures = CASE f.outcome WHEN 'delivered' THEN d.failures ELSE d.failures + 1 END,
    next_attempt_at = now() + f.next_in_ms * interval '1 ms',
    claim = NULL,
    last_attempt_at = now() - f.latency_ms * interval '1 ms',
    last_status = f.status,
    last_latency_ms = f.latency_ms,
    last_error = f.error,
    delivered_at = CASE f.outcome WHEN 'delivered' THEN now() END
  FROM found f
  WHERE d.ctid = f.place
    AND (d.status = 'due' AND d.claim = f.claim OR d.status IN ('due', 'parked') AND f.outcome = 'delivered');
  GET DIAGNOSTICS v_changed = ROW_COUNT;

  INSERT INTO delivery_attempts (merchant_id, delivery_id, attempt, at, node, status, latency_ms, error, excerpt)
  SELECT r.merchant_id, r.id, r.attempt, now() - r.latency_ms * interval '1 ms', p_node, r.status, r.latency_ms, r.error, r.excerpt
  FROM json_to_recordset(p_attempts)
    AS r(merchant_id integer, id uuid, attempt integer, status smallint, latency_ms integer, error text, excerpt text)
  ON CONFLICT DO NOTHING;
  RETURN v_changed;
END;
$$;
