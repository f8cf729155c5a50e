/** What a form's fields say of a credential; nothing without a key. Its end is the begin of a day in UTC. */
export function credentialOf(text: (name: CredentialField) => string | undefined) {
  const secret = text("credential.secret");
  const username = text("credential.username");
  const ends = text("credential.expires_at_ms");
  return (
    secret && {
      ...(username && { username }),
      secret,
      ...(ends && { expires_at_ms: Date.parse(ends) }),
    }
  );
}

type CredentialField = "credential.secret" | "credential.username" | "credential.expires_at_ms";
