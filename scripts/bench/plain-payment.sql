-- One payment as two plain transactions that write the rows which Florin writes, a statement at a time, as an
-- application without an engine would. :seller_count sellers share the wallets.
\set seller random(1, :seller_count)
\set n random(1, 4000000000000000000)
BEGIN;
INSERT INTO idempotency_keys (merchant_id, key, request_hash, subject) VALUES (1, 'plain-' || :n, sha256('x'), 'plain-' || :n);
INSERT INTO payment_events (merchant_id, id, checkout_id, content_hash, buyer_info, payment_method_token, metadata, order_count, open_order_count, created_at) VALUES (1, md5('e' || :n)::uuid, 'plain-' || :n, sha256('x'), '{"id":"b1","email":"b@example.com"}', 'pm_card_visa', '{}', 1, 1, now());
INSERT INTO payment_orders (merchant_id, id, payment_order_id, payment_event_id, ordinal, seller_account, amount, currency, platform_fee, psp, metadata, created_at, payment_order_status, phase, state_since, updated_at, machine_version, snapshot, version, revision, owner, fencing_token) VALUES (1, md5('o' || :n)::uuid, 'plain-' || :n, md5('e' || :n)::uuid, 0, 's' || :seller, 10000, 'USD', 300, 'plain', '{}', now(), 'EXECUTING', 'sending', now(), now(), 1, :snapshot, 1, 1, md5('node')::uuid, 1);
INSERT INTO transitions (merchant_id, actor_id, seq, actor_kind, step_id, from_state, to_state, event, at, node) VALUES (1, md5('o' || :n)::uuid, 1, 'payment_order', md5('t' || :n)::uuid, 'NOT_STARTED', 'EXECUTING.sending', '{"type":"order.started","at": 1795340000000, "jitter": 0.5}', now(), md5('node')::uuid);
INSERT INTO attempts (merchant_id, actor_id, attempt, operation, operation_number, psp, idempotency_key, request, at, node) VALUES (1, md5('o' || :n)::uuid, 1, 'charge', 1, 'plain', 'plain-' || :n, '{"amount":"10000","currency":"USD"}', now(), md5('node')::uuid);
INSERT INTO events (merchant_id, id, type, subject_id, order_version, data, created_at) VALUES (1, md5('c' || :n)::uuid, 'payment_order.created', md5('o' || :n)::uuid, 1, :object, now());
COMMIT;
BEGIN;
UPDATE payment_orders SET payment_order_status = 'SUCCESS', phase = NULL, psp_reference = 'plain-' || :n, amount_captured = 10000, ledger_updated = true, wallet_updated = true, state_since = now(), updated_at = now(), snapshot = :snapshot, version = version + 1, revision = revision + 1, owner = NULL WHERE merchant_id = 1 AND id = md5('o' || :n)::uuid AND version = 1 AND fencing_token = 1;
UPDATE payment_events SET open_order_count = open_order_count - 1, succeeded_order_count = succeeded_order_count + 1, is_payment_done = true WHERE merchant_id = 1 AND id = md5('e' || :n)::uuid;
INSERT INTO transitions (merchant_id, actor_id, seq, actor_kind, step_id, from_state, to_state, event, at, node) VALUES (1, md5('o' || :n)::uuid, 2, 'payment_order', md5('u' || :n)::uuid, 'EXECUTING.sending', 'SUCCESS', :fact, now(), md5('node')::uuid);
INSERT INTO observations (merchant_id, actor_id, attempt, source, actor_kind, fact, http_status, body, latency_ms, at, node, handled_at) VALUES (1, md5('o' || :n)::uuid, 1, 'answer', 'payment_order', :fact, 201, '{"reference":"plain","status":"succeeded"}', 1, now(), md5('node')::uuid, now());
INSERT INTO journal_entries (merchant_id, actor_id, seq, rule, psp, psp_reference, at) VALUES (1, md5('o' || :n)::uuid, 2, 'pay_in', 'plain', 'plain-' || :n, now());
INSERT INTO events (merchant_id, id, type, subject_id, order_version, data, created_at) VALUES (1, md5('s' || :n)::uuid, 'payment_order.succeeded', md5('o' || :n)::uuid, 2, :object, now());
INSERT INTO events (merchant_id, id, type, subject_id, created_at) VALUES (1, md5('d' || :n)::uuid, 'payment_event.done', md5('e' || :n)::uuid, now());
UPDATE idempotency_keys SET status = 201, answer = :answer WHERE merchant_id = 1 AND key = 'plain-' || :n;
INSERT INTO accounts AS a (merchant_id, currency, account, kind, debits, credits) VALUES (1, 'USD', 'platform-fees', 'revenue', 0, 300) ON CONFLICT (merchant_id, currency, account) DO UPDATE SET credits = a.credits + 300;
INSERT INTO accounts AS a (merchant_id, currency, account, kind, debits, credits) VALUES (1, 'USD', 'psp-plain-clearing', 'asset', 10000, 0) ON CONFLICT (merchant_id, currency, account) DO UPDATE SET debits = a.debits + 10000;
INSERT INTO accounts AS a (merchant_id, currency, account, kind, debits, credits) VALUES (1, 'USD', 'seller-s' || :seller || '-payable', 'liability', 0, 9700) ON CONFLICT (merchant_id, currency, account) DO UPDATE SET credits = a.credits + 9700;
INSERT INTO postings (merchant_id, actor_id, seq, leg, currency, debit_account, credit_account, amount, at) VALUES (1, md5('o' || :n)::uuid, 2, 0, 'USD', 'psp-plain-clearing', 'seller-s' || :seller || '-payable', 9700, now());
INSERT INTO postings (merchant_id, actor_id, seq, leg, currency, debit_account, credit_account, amount, at) VALUES (1, md5('o' || :n)::uuid, 2, 1, 'USD', 'psp-plain-clearing', 'platform-fees', 300, now());
COMMIT;
