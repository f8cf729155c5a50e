/** A random UUID. Pages without TLS have no `crypto.randomUUID`, but browsers name blobs in the same way. */
export function uuid(): string {
  if (crypto.randomUUID) {
    return crypto.randomUUID();
  }
  const url = URL.createObjectURL(new Blob());
  URL.revokeObjectURL(url);
  return url.slice(-36);
}
