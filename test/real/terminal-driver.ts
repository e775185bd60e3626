/** Asks one question at the real terminal and prints what it heard: `terminal-driver.ts KIND`. */
import { AppError } from '#contract/errors.ts';
import { realTerminal } from '../../src-main/host/node/terminal.ts';

// An engine that is open keeps the process alive: a question that is dropped must not depend on it.
const open = setInterval(() => undefined, 60_000);
try {
  const [kind = 'confirm'] = process.argv.slice(2);
  const heard =
    kind === 'line' ? await realTerminal.line('Name: ') : await realTerminal.confirm('Sure?');
  console.log(`heard ${JSON.stringify(heard)}`);
} catch (thrown) {
  console.log(`heard ${thrown instanceof AppError ? thrown.code : 'something else'}`);
}
clearInterval(open);
