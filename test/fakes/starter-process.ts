/** What test/real/started-programs.test.ts starts, to be killed: it starts a program itself. */
import { realProcesses } from '#engine/world/processes.ts';

const detached = process.argv[2] === 'detached';
const child = await realProcesses.start('sleep', ['60'], { detached });
console.log(child.pid);
setInterval(() => undefined, 1000);
