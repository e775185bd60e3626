/** The result of a handler that has nothing to wait for; what it throws becomes the rejection. */
export function answer<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
