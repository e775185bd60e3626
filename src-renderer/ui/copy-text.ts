/** Puts a text on the clipboard; false when the browser does not let the page do it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission or no focus: the caller says so
  }
}
