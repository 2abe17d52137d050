/** Entity tags (RFC 9110, section 8.8.3): the revision of the op that wrote the value. */

export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** Weak comparison, for If-None-Match. */
export function matchesWeakly(header: string, etag: string): boolean {
  return tagsOf(header).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}

/** Strong comparison, for If-Match. */
export function matchesStrongly(header: string, etag: string): boolean {
  return tagsOf(header).some((tag) => tag === '*' || tag === etag);
}

/** Our tags have no comma inside, so what has one never matches anyway. */
function tagsOf(header: string): readonly string[] {
  return header.split(',').map((tag) => tag.trim());
}
