/** The one script of the leases. It does a group of operations on keys of one bucket, in their order. */
import { hash } from "node:crypto";

export type LeaseOperation = "take" | "renew" | "return";

/**
 * KEYS[i] with ARGV[2i] (operation) and ARGV[2i+1] (`node:token`); ARGV[1] is the time to live in ms. Answers
 * one text a key: the value that stands there afterwards, "" for none.
 *
 * `take` also replaces an older lease of the same node: whoever asks twice has forgotten the first answer.
 * `renew` takes a lease that was lost if nobody else has it. `return` deletes only the very lease it names.
 */
export const LEASE_SCRIPT = `
local answers = {}
for i, key in ipairs(KEYS) do
  local operation, value = ARGV[2 * i], ARGV[2 * i + 1]
  local current = redis.call('GET', key)
  if operation == 'return' then
    if current == value then
      redis.call('DEL', key)
      current = false
    end
  else
    local node = string.match(value, '^(.*:)')
    local isOurs = current == value or (operation == 'take' and current and string.sub(current, 1, #node) == node)
    if not current or isOurs then
      redis.call('SET', key, value, 'PX', ARGV[1])
      current = value
    end
  end
  answers[i] = current or ''
end
return answers
`;

export const LEASE_SCRIPT_SHA1 = hash("sha1", LEASE_SCRIPT);
