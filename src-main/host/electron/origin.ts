/** The one origin whose pages may run in our windows and talk to the main process. */

export const appScheme = 'app';
export const appHost = 'bundle';
export const appUrl = `${appScheme}://${appHost}/`;

/**
 * Compares parsed parts, never a beginning of text: `app://bundle.evil/` begins like ours. The URL
 * parser calls the origin of a scheme it does not know "null", so scheme and host are compared.
 */
export function isOurs(address: string): boolean {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return false;
  }
  return (
    url.protocol === `${appScheme}:` &&
    url.host === appHost &&
    url.username === '' &&
    url.password === ''
  );
}
