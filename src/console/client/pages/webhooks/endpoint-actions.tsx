/** What an operator may do with an endpoint: a new secret, a pause, sending again what was missed, removing it. */
import { useState } from "preact/hooks";
import { type Problem, problemOf } from "../../api/problem.ts";
import { request } from "../../api/request.ts";
import type { EndpointWithSecret, WebhookEndpoint } from "../../api/webhook-types.ts";
import { tell } from "../../state/notices.ts";
import { navigate, to } from "../../state/router.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { ProblemBox } from "../../ui/states.tsx";
import { RedeliverRangeDialog } from "./redeliver-range.tsx";
import { SecretNote } from "./secret-note.tsx";

interface EndpointActionsProps {
  readonly endpoint: WebhookEndpoint;
  readonly onChange: () => void;
  readonly onRedelivered: () => void;
}

type Open = "rotate" | "delete" | "range" | null;

export function EndpointActions({ endpoint, onChange, onRedelivered }: EndpointActionsProps) {
  const [open, setOpen] = useState<Open>(null);
  const close = (): void => setOpen(null);
  const path = `/v1/webhook_endpoints/${encodeURIComponent(endpoint.endpoint_id)}`;
  const isEnabled = endpoint.enabled;
  const toggle = async (): Promise<void> => {
    try {
      await request(path, { method: "PATCH", body: { enabled: !isEnabled } });
      tell("done", isEnabled ? "The endpoint is disabled. What is due waits for it." : "The endpoint is enabled.");
      onChange();
    } catch (error) {
      tell("failed", problemOf(error).detail);
    }
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen("range")}>
        Redeliver a span…
      </button>
      <button type="button" class="button" onClick={() => setOpen("rotate")}>
        New secret…
      </button>
      <button type="button" class="button" onClick={toggle}>
        {isEnabled ? "Disable" : "Enable"}
      </button>
      <button type="button" class="button is-danger" onClick={() => setOpen("delete")}>
        Delete…
      </button>
      {open === "range" && <RedeliverRangeDialog path={path} onClose={close} onDone={onRedelivered} />}
      {open === "rotate" && <RotateDialog path={path} onClose={close} onDone={onChange} />}
      {open === "delete" && <DeleteDialog path={path} url={endpoint.url} onClose={close} />}
    </>
  );
}

interface DialogProps {
  readonly path: string;
  readonly onClose: () => void;
}

function RotateDialog({ path, onClose, onDone }: DialogProps & { readonly onDone: () => void }) {
  const [secret, setSecret] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const rotate = async (): Promise<void> => {
    try {
      setSecret((await request<EndpointWithSecret>(`${path}/rotate`, { method: "POST", body: {} })).secret);
      onDone();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  if (secret !== null) {
    return (
      <Dialog title="The new secret" onClose={onClose} key="secret">
        <SecretNote secret={secret} />
        <div class="dialog-foot">
          <button type="button" class="button is-primary" onClick={onClose}>
            I have copied it
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make a new secret?" onClose={onClose} key="ask">
      <p>For a day webhooks are signed with both, the old one and the new one, so the receiver has time to change.</p>
      {problem !== null && <ProblemBox problem={problem} />}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Keep the old one
        </button>
        <button type="button" class="button is-primary" onClick={rotate}>
          Make a new secret
        </button>
      </div>
    </Dialog>
  );
}

function DeleteDialog({ path, url, onClose }: DialogProps & { readonly url: string }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const remove = async (): Promise<void> => {
    try {
      await request(path, { method: "DELETE" });
      tell("done", "The endpoint is deleted.");
      navigate(to("webhooks"));
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <Dialog title="Delete this endpoint?" onClose={onClose}>
      <p>
        <strong>{url}</strong> is told nothing more, and what still waits for it is dropped. Events themselves stay.
      </p>
      {problem !== null && <ProblemBox problem={problem} />}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" class="button is-danger" onClick={remove}>
          Delete the endpoint
        </button>
      </div>
    </Dialog>
  );
}
