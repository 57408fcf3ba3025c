/** A question over the page. The native dialog keeps the focus inside, closes with Escape and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly class?: string;
}

/** What somebody came for: a field, a secret to copy, else the first answer, which is the one that changes nothing. */
const FIRST = "form input, form select, form textarea, .secret button, .dialog-foot button";

let lastId = 0;

export function Dialog({ title, onClose, children, class: className = "" }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useRef<string | null>(null);
  if (id.current === null) {
    lastId += 1;
    id.current = `dialog-${lastId}`;
  }
  useEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    const opener = document.activeElement;
    const { pathname } = location;
    dialog.showModal();
    dialog.querySelector<HTMLElement>(FIRST)?.focus();
    return () => {
      dialog.close();
      // Whoever left by a link is on another page now, whose heading could not take the focus under the dialog.
      const next = location.pathname === pathname ? opener : document.querySelector("h1");
      if (next instanceof HTMLElement) next.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${className}`}
      aria-labelledby={id.current}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={id.current}>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}
