import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { isMetered, meteredNumber, readMetered } from '#engine/computer/metered.ts';
import { realProcesses, type RunResult } from '#engine/world/processes.ts';

test.each([
  ['busctl', 'u 4\n', 4],
  ['gdbus', '(<uint32 3>,)\n', 3],
  ['gdbus, without a type', '(<1>,)\n', 1],
  ['dbus-send', '   variant       uint32 2\n', 2],
  ['another property', 's "u 4"\n', null],
  ['nothing', '', null],
  ['two lines', 'u 4\nu 1\n', null],
])('%s says it', (_tool, output, number) => {
  expect(meteredNumber(output)).toBe(number);
});

test.each([
  [0, false],
  [1, true],
  [2, false],
  [3, true],
  [4, false],
  [99, false],
  [null, false],
])('NMMetered %j', (number, expected) => {
  expect(isMetered(number)).toBe(expected);
});

describe('who is asked', () => {
  const computer = (installed: readonly string[], answer: Partial<RunResult> | AppError) => {
    const asked: string[] = [];
    const processes = {
      ...realProcesses,
      find: (program: string) => Promise.resolve(installed.includes(program) ? program : null),
      run: (program: string, args: readonly string[]) => {
        asked.push([program, ...args].join(' '));
        if (answer instanceof AppError) return Promise.reject(answer);
        return Promise.resolve({ code: 0, stdout: '', stderr: '', ...answer });
      },
    };
    return { asked, processes };
  };

  test('the first that is installed, and nobody is started for it', async () => {
    const { asked, processes } = computer(['busctl', 'gdbus'], { stdout: 'u 1\n' });
    expect(await readMetered(processes)).toBe(1);
    expect(asked).toEqual([
      'busctl --system --auto-start=no get-property org.freedesktop.NetworkManager ' +
        '/org/freedesktop/NetworkManager org.freedesktop.NetworkManager Metered',
    ]);
  });

  test('another where that one is not', async () => {
    const { asked, processes } = computer(['dbus-send'], { stdout: '   variant  uint32 3\n' });
    expect(await readMetered(processes)).toBe(3);
    expect(asked).toHaveLength(1);
  });

  test('no tool, no NetworkManager, no answer in time: nobody knows', async () => {
    expect(await readMetered(computer([], {}).processes)).toBeNull();
    const refused = computer(['gdbus'], { code: 1, stderr: 'ServiceUnknown' });
    expect(await readMetered(refused.processes)).toBeNull();
    const late = computer(['busctl'], new AppError('internal', 'busctl did not finish in time.'));
    expect(await readMetered(late.processes)).toBeNull();
  });
});
