/** A signing secret, which is shown once and never again. */
import { CopyId } from "../../ui/values.tsx";

export function SecretNote({ secret }: { readonly secret: string }) {
  return (
    <>
      <p>Copy the signing secret now: it is not shown again.</p>
      <span class="secret">
        <CopyId id={secret} label="signing secret" />
      </span>
      <p class="soft">
        With it the receiver checks that a webhook is ours. Any library for Standard Webhooks takes it.
      </p>
    </>
  );
}
