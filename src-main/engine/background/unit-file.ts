/**
 * The two files that start Waymark by themselves: a systemd user unit (systemd.service(5)) and an
 * autostart entry (freedesktop.org's Desktop Entry and Autostart specifications). Both have quoting
 * rules of their own, which no path may break.
 */

/** @param command the program and its arguments, without `serve`. */
export function unitText(command: readonly string[], dataFolder: string | null): string {
  const data = dataFolder === null ? [] : ['--data', dataFolder];
  const words = [...command, 'serve', '--background', ...data];
  return `# systemctl --user enable --now waymark: plans run without a window. It serves no
# interface: the window, waymark serve and every other command talk to it while it runs.
[Unit]
Description=Waymark: restore points of virtual machines
After=network.target

[Service]
ExecStart=${execStart(words)}
Restart=on-failure
RestartSec=5
# A backup that is running is cancelled in good order before the process ends.
KillSignal=SIGTERM
TimeoutStopSec=60
UMask=0077
# Not NoNewPrivileges: a local sendmail, and what a hook runs, may need their own group or user.

[Install]
WantedBy=default.target
`;
}

/**
 * systemd takes no quote, backslash or control character in the name of a program, whatever stands
 * around it, and no $ there for a variable; env runs what has such a name.
 */
function execStart([program = '', ...args]: readonly string[]): string {
  const rest = args.map(argument);
  if (/["\\]|\p{Cc}/u.test(program)) {
    return ['/usr/bin/env', argument(program), ...rest].join(' ');
  }
  return [unitWord(program), ...rest].join(' ');
}

function argument(word: string): string {
  return unitWord(word).replaceAll('$', '$$$$'); // two of them, written for replaceAll
}

/** systemd takes % for something, and quotes and backslashes as a C string. */
function unitWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('%', '%%');
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? escaped : `"${escaped}"`;
}

export function autostartText(command: readonly string[]): string {
  return `[Desktop Entry]
Type=Application
Name=Waymark
Comment=Runs your backup plans while no window is open
Exec=${command.map(execWord).join(' ')}
Icon=waymark-desktop
Terminal=false
NoDisplay=true
StartupNotify=false
X-GNOME-Autostart-enabled=true
`;
}

/** Quoted as an argument first, then as a string of the file: a backslash becomes four. */
function execWord(word: string): string {
  const percent = word.replaceAll('%', '%%');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return percent;
  const quoted = `"${percent.replaceAll(/["`$\\]/g, (one) => `\\${one}`)}"`;
  return quoted.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** A desktop's own settings switch an entry off without removing it. */
export function isSwitchedOff(text: string): boolean {
  return text
    .split('\n')
    .some((line) => /^(Hidden\s*=\s*true|X-GNOME-Autostart-enabled\s*=\s*false)\s*$/.test(line));
}
