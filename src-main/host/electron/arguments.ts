/** The desktop application's own arguments. Chromium's and unknown ones are left alone. */

/** Started at login: no window, only what goes on without one. */
const background = '--background';
const dataPrefix = '--data=';

/** The folder of `--data=DIR`, or undefined. */
export function dataArgument(argv: readonly string[]): string | undefined {
  const given = argv.find((one) => one.startsWith(dataPrefix))?.slice(dataPrefix.length);
  return given === '' ? undefined : given;
}

export function inBackground(argv: readonly string[]): boolean {
  return argv.includes(background);
}
