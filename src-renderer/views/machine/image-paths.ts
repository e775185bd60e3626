/** Paths of images, said as shortly as they stay unambiguous. */

/** The folder all of them are in, with its last slash; empty when they are not in one. */
export function sharedFolder(images: readonly (string | null)[]): string {
  const folders = new Set(
    images.map((image) => (image === null ? '' : image.slice(0, image.lastIndexOf('/') + 1))),
  );
  const [only = ''] = folders;
  return folders.size === 1 ? only : '';
}
