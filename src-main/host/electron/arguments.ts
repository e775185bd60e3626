/** The desktop application's own arguments. Chromium's and unknown ones are left alone. */

const dataPrefix = '--data=';

/** The folder of `--data=DIR`, or undefined. */
export function dataArgument(argv: readonly string[]): string | undefined {
  const given = argv.find((one) => one.startsWith(dataPrefix))?.slice(dataPrefix.length);
  return given === '' ? undefined : given;
}
