/** `--help`: all commands, those of one noun, or one command in full. */
import type { Command, Option } from './command.ts';

function optionName(name: string, option: Option): string {
  return `--${name}${option.value === undefined ? '' : ` ${option.value}`}`;
}

function optionLines(options: Readonly<Record<string, Option>>): string {
  const entries = Object.entries(options);
  const width = Math.max(...entries.map(([name, option]) => optionName(name, option).length));
  return entries
    .map(([name, option]) => `  ${optionName(name, option).padEnd(width)}  ${option.help}`)
    .join('\n');
}

function commandLine(command: Command): string {
  return `${command.name} ${command.operands}`.trimEnd();
}

export function overview(
  commands: readonly Command[],
  globals: Readonly<Record<string, Option>>,
): string {
  const width = Math.max(...commands.map((command) => commandLine(command).length));
  const lines = commands.map(
    (command) => `  ${commandLine(command).padEnd(width)}  ${command.summary}`,
  );
  return [
    'waymark: every point in time of your virtual machines',
    '',
    'Usage: waymark <command> [options]',
    '',
    ...lines,
    '',
    'Options of every command:',
    optionLines(globals),
    '',
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a pre-flight,',
    '            4 finished with problems, 130 cancelled.',
    'More about one: waymark <command> --help',
    '',
  ].join('\n');
}

export function commandHelp(command: Command, globals: Readonly<Record<string, Option>>): string {
  const own = Object.keys(command.options).length > 0;
  return [
    `waymark ${commandLine(command)}`,
    '',
    `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`,
    ...(command.details === undefined ? [] : [command.details]),
    '',
    ...(own ? ['Options:', optionLines(command.options), ''] : []),
    'Options of every command:',
    optionLines(globals),
    '',
  ].join('\n');
}
