/**
 * From the command to a first screen one can use: the interface served on loopback from an empty
 * data folder, in a Chromium that is already open (its own start is not ours).
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';
import { chromiumArguments, chromiumPath } from '../e2e/chromium.ts';
import { mainPath } from './program.ts';

const rounds = 3;

/** Markdown. */
export async function measureStartUp(): Promise<string> {
  const title = '### Start-up, from the command to a usable first screen';
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: chromiumArguments(),
  });
  const lines: string[] = [];
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const page = await browser.newPage();
      const { served, usable } = await startOnce(async (link) => {
        await page.goto(link);
        await page.getByRole('heading').first().waitFor();
        await page.getByRole('button').first().waitFor();
      });
      await page.close();
      lines.push(
        `- start ${round}: served after ${seconds(served)}, usable after ${seconds(usable)}`,
      );
    }
  } finally {
    await browser.close();
  }
  return [title, '', ...lines, ''].join('\n');
}

async function startOnce(
  show: (link: string) => Promise<void>,
): Promise<{ readonly served: number; readonly usable: number }> {
  const data = await mkdtemp(join(tmpdir(), 'waymark-start-'));
  const started = performance.now();
  const child = spawn(process.execPath, [mainPath, 'serve', '--no-open', '--data', data], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    const link = await firstLink(child.stdout);
    const served = performance.now() - started;
    await show(link);
    return { served, usable: performance.now() - started };
  } finally {
    child.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  }
}

async function firstLink(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const link = /http:\S+/.exec(line)?.[0];
    if (link !== undefined) return link;
  }
  throw new Error('The interface was not served.');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
