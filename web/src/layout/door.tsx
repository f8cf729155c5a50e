import type { ComponentChildren } from "preact";

/** What stands before the dashboard: logging in, setting a password. */
export function Door({ children }: { children: ComponentChildren }) {
  return (
    <main class="door">
      <div class="door-card">
        <div class="door-brand">
          <Mark size={32} />
          Fresnel
        </div>
        {children}
      </div>
    </main>
  );
}

export function Mark({ size }: { size: number }) {
  return <img src="/favicon.svg" alt="" width={size} height={size} />;
}
