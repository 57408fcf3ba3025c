/** A new endpoint: its address and what it is told, then its secret, once. */
import { useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../../api/problem.ts";
import { request } from "../../api/request.ts";
import type { EndpointWithSecret } from "../../api/webhook-types.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { ProblemBox } from "../../ui/states.tsx";
import { SecretNote } from "./secret-note.tsx";

interface CreateEndpointProps {
  readonly onClose: () => void;
  readonly onCreated: () => void;
}

export function CreateEndpointDialog({ onClose, onCreated }: CreateEndpointProps) {
  const url = useRef<HTMLInputElement>(null);
  const events = useRef<HTMLInputElement>(null);
  const [created, setCreated] = useState<EndpointWithSecret | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const create = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const types = (events.current?.value ?? "").split(/[\s,]+/).filter((type) => type !== "");
      const body = { url: url.current?.value.trim() ?? "", events: types };
      setCreated(await request<EndpointWithSecret>("/v1/webhook_endpoints", { method: "POST", body }));
      onCreated();
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  if (created !== null) {
    return (
      <Dialog title="The endpoint is added" onClose={onClose} key="secret">
        <SecretNote secret={created.secret} />
        <div class="dialog-foot">
          <button type="button" class="button is-primary" onClick={onClose}>
            I have copied it
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Add an endpoint" onClose={onClose} key="form">
      <form class="stack" onSubmit={create}>
        <label class="field">
          <span>Address</span>
          <input
            ref={url}
            name="url"
            type="url"
            required
            placeholder="https://shop.example/florin"
            spellcheck={false}
          />
        </label>
        <label class="field">
          <span>Events</span>
          <input
            ref={events}
            name="events"
            type="text"
            required
            defaultValue="payment_order.*, payment_event.done"
            spellcheck={false}
          />
          <span class="hint">Types with commas between them; a star stands for all of a kind.</span>
        </label>
        {problem !== null && <ProblemBox problem={problem} />}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="button is-primary" disabled={isBusy}>
            {isBusy ? "Adding…" : "Add endpoint"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
