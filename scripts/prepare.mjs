/**
 * Checks and installs what `npm start`, `npm test` and `npm run bench` need, so that each works
 * from a fresh clone on a Debian that has only Node and npm. Plain JavaScript without
 * dependencies: it runs before anything is installed, on any Node from 20 up. It says each thing
 * it does in one line. It never asks without a terminal, and what it may not install it names with
 * the exact command.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';

const oldestNode = 20;
/** The version the sources themselves need; the lock file brings it into node_modules. */
const sourceNode = 24;

/** Debian packages by purpose, each with what it is for. */
const startPackages = {
  'qemu-system-x86': 'runs machines',
  'qemu-utils': 'qemu-img and qemu-nbd',
  'libvirt-daemon': 'the libvirt daemon',
  'libvirt-daemon-driver-qemu': 'its QEMU driver',
  'libvirt-daemon-system': 'its users, groups and system service',
};
const testPackages = {
  ...startPackages,
  'libvirt-clients': 'virsh, the oracle of the libvirt tests',
  chromium: 'the browser of the window tests',
  'fonts-dejavu-core': 'its letters',
  nbdkit: 'NBD server with faults to order',
  'libnbd-bin': 'nbdinfo and nbdcopy, the oracles of the NBD tests',
  nasm: 'rebuilds the practice machine',
  ovmf: 'UEFI firmware',
  swtpm: 'TPM emulator',
  'swtpm-tools': 'its set-up program',
  e2fsprogs: 'file systems to put on disks',
  acl: 'access lists',
  'python3-minimal': 'small helpers inside other packages',
};
const benchPackages = {
  ...testPackages,
  restic: 'a peer to measure against',
  borgbackup: 'a peer to measure against',
  virtnbdbackup: 'a peer to measure against',
};
const browserPackage = { chromium: 'shows the interface as an app window' };
const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * The Debian packages a purpose needs.
 * @param {'start' | 'test' | 'bench'} purpose
 * @param {{ display: boolean, browser: boolean }} desktop
 * @returns {Record<string, string>} package → what it is for
 */
export function packagesFor(purpose, desktop) {
  if (purpose === 'test') return testPackages;
  if (purpose === 'bench') return benchPackages;
  if (desktop.display && !desktop.browser) return { ...startPackages, ...browserPackage };
  return startPackages;
}

/**
 * Those of `wanted` that dpkg does not call fully installed.
 * @param {readonly string[]} wanted
 * @param {string} listing lines of "name status-abbreviation", from dpkg-query
 * @returns {string[]}
 */
export function missingPackages(wanted, listing) {
  const installed = new Set();
  for (const line of listing.split('\n')) {
    const [name, status] = line.trim().split(/\s+/);
    if (name && status === 'ii') installed.add(name.replace(/:.*$/, ''));
  }
  return wanted.filter((name) => !installed.has(name));
}

/**
 * The commands that install Debian packages, in order.
 * @param {readonly string[]} missing
 * @param {{ root: boolean }} user
 * @returns {string[][]}
 */
export function aptCommands(missing, user) {
  const sudo = user.root ? [] : ['sudo'];
  return [
    [...sudo, 'apt-get', 'update', '-q'],
    [...sudo, 'apt-get', 'install', '-q', '-y', '--no-install-recommends', ...missing],
  ];
}

/**
 * Whether node_modules differs from the lock file. Optional packages (other processors) may be
 * absent; everything else must be there in the very same version.
 * @param {string | null} lock package-lock.json
 * @param {string | null} installed node_modules/.package-lock.json, which npm writes last
 * @returns {string | null} the reason to install, or null
 */
export function reasonToInstall(lock, installed) {
  if (installed === null) return 'node_modules is missing or incomplete';
  if (lock === null) return null;
  const want = JSON.parse(lock).packages ?? {};
  const have = JSON.parse(installed).packages ?? {};
  for (const [path, entry] of Object.entries(want)) {
    if (path === '') continue;
    const found = have[path];
    if (found === undefined && !entry.optional && !entry.devOptional) return `${path} is missing`;
    if (found !== undefined && found.version !== entry.version) return `${path} is another version`;
  }
  return null;
}

/**
 * Why this Node cannot be used, or null.
 * @param {string} version "20.11.0"
 * @param {string} platform
 * @param {string} arch
 */
export function nodeProblem(version, platform, arch) {
  if (Number(version.split('.')[0]) < oldestNode) {
    return `Node ${version} is too old: Waymark needs Node ${oldestNode} or newer (nodejs.org).`;
  }
  if (platform !== 'linux') return `Waymark runs on Linux, not on ${platform}.`;
  if (!['x64', 'arm64'].includes(arch)) return `Waymark runs on x64 and arm64, not on ${arch}.`;
  return null;
}

/**
 * True for Debian and what is made from it.
 * @param {string} osRelease /etc/os-release
 */
export function isDebian(osRelease) {
  const values = [...osRelease.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)];
  return values.some(([, value]) => (value ?? '').split(' ').includes('debian'));
}

const top = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string} line */
function say(line) {
  console.log(`prepare: ${line}`);
}

/** @param {string} path */
function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

/** @param {string} program */
function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function installNodeModules() {
  const reason = reasonToInstall(
    readText(join(top, 'package-lock.json')),
    readText(join(top, 'node_modules/.package-lock.json')),
  );
  if (reason === null) return;
  say(`${reason}: running npm ci`);
  // Its warnings are about the system's Node, which runs nothing but npm here.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: top, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    say('npm ci failed; nothing can run without it. Its own words are above.');
    process.exit(1);
  }
}

/** Node itself runs the TypeScript sources; the lock file's Node comes first on npm's PATH. */
function checkSourceNode() {
  const bundled = join(top, 'node_modules/.bin/node');
  const found = spawnSync(bundled, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  if (found.status === 0 && Number(found.stdout.split('.')[0]) >= sourceNode) return;
  say(`Node ${sourceNode} is not at node_modules/.bin/node. Were optional packages left out?`);
  say('Install them with: npm ci --ignore-scripts --include=optional');
  process.exit(1);
}

/** @param {readonly string[]} wanted */
function queryMissing(wanted) {
  // dpkg-query ends with 1 when it does not know one of the names; its listing is still good.
  const result = spawnSync(
    'dpkg-query',
    ['--show', '--showformat', '${Package} ${db:Status-Abbrev}\n', ...wanted],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  return missingPackages(wanted, result.stdout ?? '');
}

/** @param {string} question */
async function agrees(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`prepare: ${question} [Y/n] `);
    return /^(y(es)?)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** @param {string[][]} commands */
function runApt(commands) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Without systemd (a container) the packages' own start scripts must not start daemons:
  // invoke-rc.d leaves services alone in single-user mode.
  if (!existsSync('/run/systemd/system')) env.RUNLEVEL = '1';
  for (const [program = '', ...args] of commands) {
    say(`running ${[program, ...args].join(' ')}`);
    const { status } = spawnSync(program, args, { env, stdio: 'inherit' });
    if (status !== 0) say(`${program} ended with code ${status}; going on`);
  }
}

/** @param {'start' | 'test' | 'bench'} purpose */
async function installDebianPackages(purpose) {
  const display = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  const uses = packagesFor(purpose, { display, browser: browsers.some(onPath) });
  const wanted = Object.keys(uses);
  const osRelease = readText('/etc/os-release') ?? '';
  if (!isDebian(osRelease) || !onPath('dpkg-query')) {
    say('this is not Debian, so nothing is checked. What is needed, by its Debian names:');
    for (const name of wanted) say(`  ${name}: ${uses[name]}`);
    return;
  }
  const missing = queryMissing(wanted);
  if (missing.length === 0) return;
  for (const name of missing) say(`the Debian package ${name} is missing: ${uses[name]}`);
  const root = process.getuid?.() === 0;
  const commands = aptCommands(missing, { root });
  const line = commands.map((command) => command.join(' ')).join(' && ');
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const install = terminal ? await agrees(`Install them with: ${line} ?`) : root;
  if (!install) {
    say(`install them with: ${line}`);
    return;
  }
  runApt(commands);
  const still = queryMissing(missing);
  if (still.length > 0) say(`still missing: ${still.join(' ')}. Install them with: ${line}`);
  else say(`installed ${missing.join(' ')}`);
}

async function main() {
  const purpose = process.argv[2];
  if (purpose !== 'start' && purpose !== 'test' && purpose !== 'bench') {
    console.error('usage: node scripts/prepare.mjs start|test|bench');
    process.exit(2);
  }
  const problem = nodeProblem(process.versions.node, process.platform, process.arch);
  if (problem !== null) {
    say(problem);
    process.exit(1);
  }
  installNodeModules();
  checkSourceNode();
  await installDebianPackages(purpose);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main();
}
