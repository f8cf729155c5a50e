/** A number, a UUID, or something long that has digits in it, as ids and hashes do. */
const ID = /^(?=.*\d)(\d+|[\da-f-]{8,}|[\w~=-]{20,})$/i;

/** The pattern of an address: ids become `:id`, query and fragment go. The origin stays when it is not `origin`. */
export function endpointOf(url: URL, origin: string): string {
  const path = url.pathname
    .split("/")
    .map((part) => (ID.test(part) ? ":id" : part))
    .join("/");
  return url.origin === origin ? path : url.origin + path;
}
