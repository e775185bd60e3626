/**
 * The NBD room against the real programs: qemu-nbd and nbdkit as servers, qemu-img, qemu-io and
 * nbdinfo as the ones who know the truth.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectNbd, type NbdDisk } from '#engine/nbd/client.ts';
import { allocatedRegions, dirtyRegions, type Region } from '#engine/nbd/extents.ts';
import { createImage, imageInfo } from '#engine/nbd/image.ts';
import { openNbdPool } from '#engine/nbd/pool.ts';
import { serveImage, type ServeOptions, type ServedImage } from '#engine/nbd/qemu-nbd.ts';
import { realWorld } from '#engine/world/world.ts';
import { pseudoRandom, temporaryFolder } from '../fakes/world.ts';

const run = promisify(execFile);
const world = realWorld();
const MiB = 1024 * 1024;
const block = 65536;

async function missing(program: string): Promise<string | null> {
  const found = await run('which', [program]).then(
    () => true,
    () => false,
  );
  return found ? null : `${program} is not installed`;
}
const noQemu = (await missing('qemu-nbd')) ?? (await missing('qemu-img'));
const noNbdkit = (await missing('nbdkit')) ?? (await missing('nbdinfo'));
if (noQemu !== null) console.warn(`skipped: ${noQemu}`);
if (noNbdkit !== null) console.warn(`skipped: ${noNbdkit}`);

async function serve(folder: string, options: Partial<ServeOptions>): Promise<ServedImage> {
  const imagePath = options.imagePath ?? join(folder, 'image');
  const common = { imagePath, format: 'raw', readOnly: true, socketPath: join(folder, 's') };
  const served = await serveImage(world, { ...common, ...options });
  onTestFinished(() => served.stop().catch(() => undefined)); // a test may have killed it
  return served;
}

async function client(socketPath: string, contexts: readonly string[] = ['base:allocation']) {
  const disk = await connectNbd({ socketPath, exportName: '', contexts });
  onTestFinished(() => disk.close());
  return disk;
}

/** A file with data and holes, and its content. */
async function sparseFile(path: string): Promise<Buffer> {
  const content = Buffer.alloc(8 * MiB + 512);
  const places = [
    [0, 100_000],
    [MiB + 4096, 3 * MiB],
    [6 * MiB, 4096],
    [8 * MiB, 512],
  ] as const;
  const file = await open(path, 'w');
  await file.truncate(content.length);
  for (const [offset, length] of places) {
    pseudoRandom(`${offset}`, length).copy(content, offset);
    await file.write(content, offset, length, offset);
  }
  await file.close();
  return content;
}

async function collect(regions: AsyncIterable<Region>): Promise<Region[]> {
  const found: Region[] = [];
  for await (const region of regions) found.push(region);
  return found;
}

describe.skipIf(noQemu !== null)('reading from qemu-nbd', () => {
  it('brings every byte, in one connection and in many, at any offset', async () => {
    const folder = temporaryFolder();
    const content = await sparseFile(join(folder, 'image'));
    const { socketPath } = await serve(folder, {});
    const one = await client(socketPath);
    expect(one.sizeBytes).toBe(content.length);
    expect(one.readOnly).toBe(true);
    expect((await one.read(0, content.length)).equals(content)).toBe(true);
    const pool = await openNbdPool({ socketPath, exportName: '', contexts: [] }, 4);
    const pieces = Array.from({ length: 60 }, (_, i) => [(i * 131_071) % content.length, 77_777]);
    await Promise.all(
      pieces.map(async ([offset = 0, length = 0]) => {
        const end = Math.min(offset + length, content.length);
        const bytes = await pool.read(offset, end - offset);
        expect(bytes.equals(content.subarray(offset, end))).toBe(true);
      }),
    );
    await pool.close();
  });

  it('works into memory shared with other threads', async () => {
    const folder = temporaryFolder();
    const content = await sparseFile(join(folder, 'image'));
    const { socketPath } = await serve(folder, {});
    const target = new Uint8Array(new SharedArrayBuffer(5 * MiB), 4096, 4 * MiB);
    await (await client(socketPath)).readInto(512, target);
    expect(Buffer.from(target).equals(content.subarray(512, 512 + 4 * MiB))).toBe(true);
  });

  it('tells allocation as nbdinfo does, for raw and qcow2', async ({ skip }) => {
    if (noNbdkit !== null) skip(noNbdkit);
    const folder = temporaryFolder();
    const raw = join(folder, 'image');
    const content = await sparseFile(raw);
    const qcow2 = join(folder, 'image.qcow2');
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
    for (const [imagePath, format] of [
      [raw, 'raw'],
      [qcow2, 'qcow2'],
    ] as const) {
      const served = await serve(folder, { imagePath, format });
      const regions = await collect(allocatedRegions(await client(served.socketPath)));
      expect(regions).toEqual(await nbdinfoMap(served.socketPath));
      expect(regions.some(({ kind }) => kind === 'zero')).toBe(true);
      for (const { kind, offset, length } of regions) {
        const zero = content.subarray(offset, offset + length).every((byte) => byte === 0);
        if (kind === 'zero') expect(zero).toBe(true);
      }
      await served.stop();
    }
  });

  it('tells dirty blocks of a bitmap exactly', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'i.qcow2');
    await createImage(world, image, 'qcow2', 64 * MiB);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 0 8M', image]);
    await run('qemu-img', ['bitmap', '--add', '-g', '64K', image, 'since']);
    await run('qemu-io', [
      ...['-f', 'qcow2', '-c', 'write -P 2 1M 64k', '-c', 'write -P 3 3211264 512'],
      ...['-c', 'write -z -u 4M 128k', '-c', 'write -P 4 40M 1M', image],
    ]);
    expect((await imageInfo(world, image)).bitmaps).toEqual([
      { name: 'since', granularityBytes: 65536, flags: ['auto'] },
    ]);
    const { socketPath } = await serve(folder, {
      imagePath: image,
      format: 'qcow2',
      bitmap: 'since',
    });
    const context = 'qemu:dirty-bitmap:since';
    const disk = await client(socketPath, ['base:allocation', context]);
    expect(disk.contexts).toEqual(['base:allocation', context]);
    expect(await collect(dirtyRegions(disk, context, block))).toEqual([
      { kind: 'data', offset: MiB, length: block },
      { kind: 'data', offset: 49 * block, length: block },
      { kind: 'zero', offset: 4 * MiB, length: 2 * block },
      { kind: 'data', offset: 40 * MiB, length: MiB },
    ]);
    expect((await disk.read(3211264, 512)).equals(Buffer.alloc(512, 3))).toBe(true);
  });
});

describe.skipIf(noQemu !== null)('writing through qemu-nbd', () => {
  it.each(['raw', 'qcow2'] as const)('puts bytes and holes into %s', async (format) => {
    const folder = temporaryFolder();
    const image = join(folder, 'image');
    const size = 16 * MiB + 512;
    await createImage(world, image, format, size);
    const content = Buffer.alloc(size);
    const served = await serve(folder, { format, readOnly: false });
    const { socketPath } = served;
    const pool = await openNbdPool({ socketPath, exportName: '', contexts: [] }, 2);
    const put = async (offset: number, length: number) => {
      pseudoRandom(`w${offset}`, length).copy(content, offset);
      await pool.write(offset, Buffer.from(content.subarray(offset, offset + length)));
    };
    await Promise.all([put(0, 3 * MiB), put(4 * MiB, 5 * MiB), put(size - 512, 512)]);
    await pool.zero(5 * MiB, 2 * MiB);
    content.fill(0, 5 * MiB, 7 * MiB);
    await pool.flush();
    await pool.close();
    await served.stop();
    const raw = join(folder, 'raw');
    await run('qemu-img', ['convert', '-f', format, '-O', 'raw', image, raw]);
    expect((await readFile(raw)).equals(content)).toBe(true);
    expect((await stat(image)).blocks * 512).toBeLessThan(9 * MiB);
  });

  it('is refused on a disk served read-only, before it is sent', async () => {
    const folder = temporaryFolder();
    await sparseFile(join(folder, 'image'));
    const disk = await client((await serve(folder, {})).socketPath);
    const refused = { code: 'nbd-request', data: { resend: false } };
    await expect(disk.write(0, Buffer.alloc(512))).rejects.toMatchObject(refused);
    await expect(disk.zero(0, 512)).rejects.toMatchObject(refused);
  });
});

describe.skipIf(noQemu !== null)('serving an image', () => {
  it('leaves no process and no socket', async () => {
    const folder = temporaryFolder();
    await sparseFile(join(folder, 'image'));
    const served = await serve(folder, { cache: 'none' });
    expect(world.processes.alive(served.pid)).toBe(true);
    await Promise.all([served.stop(), served.stop()]);
    expect(world.processes.alive(served.pid)).toBe(false);
    await expect(stat(served.socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends by itself when whoever started it is killed', async () => {
    const folder = temporaryFolder();
    await sparseFile(join(folder, 'image'));
    const options = {
      imagePath: join(folder, 'image'),
      format: 'raw',
      readOnly: true,
      socketPath: join(folder, 's'),
    };
    const script = `
      const { serveImage } = await import('#engine/nbd/qemu-nbd.ts');
      const { realWorld } = await import('#engine/world/world.ts');
      const { pid } = await serveImage(realWorld(), ${JSON.stringify(options)});
      console.log(pid);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const pid = await new Promise<number>((resolve) => {
      child.stdout.on('data', (text: Buffer) => resolve(Number(text.toString())));
    });
    expect(world.processes.alive(pid)).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => world.processes.alive(pid), { timeout: 5000 }).toBe(false);
  });

  it('says what is wrong with the image', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'image');
    await expect(serve(folder, {})).rejects.toMatchObject({ code: 'image-missing' });
    await expect(imageInfo(world, image)).rejects.toMatchObject({ code: 'image-missing' });
    await sparseFile(image);
    await expect(serve(folder, { format: 'qcow2' })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await expect(serve(folder, { imagePath: folder })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    const qcow2 = join(folder, 'q');
    await createImage(world, qcow2, 'qcow2', MiB);
    const options = { imagePath: qcow2, format: 'qcow2', bitmap: 'nope' };
    await expect(serve(folder, options)).rejects.toMatchObject({
      code: 'checkpoint-inconsistent',
      data: { bitmap: 'nope', missing: true },
    });
  });

  it('says when another program has the image open', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'q');
    await createImage(world, image, 'qcow2', MiB);
    const writing = { imagePath: image, format: 'qcow2', readOnly: false };
    await serve(folder, writing);
    const again = serve(folder, { ...writing, socketPath: join(folder, 's2') });
    await expect(again).rejects.toMatchObject({ code: 'machine-busy' });
    await expect(imageInfo(world, image)).rejects.toMatchObject({ code: 'machine-busy' });
    expect(await imageInfo(world, image, { share: true })).toMatchObject({ sizeBytes: MiB });
  });

  it('notices a bitmap that a crash broke', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'q');
    await createImage(world, image, 'qcow2', MiB);
    await run('qemu-img', ['bitmap', '--add', image, 'b']);
    const served = await serve(folder, { imagePath: image, format: 'qcow2', readOnly: false });
    const disk = await client(served.socketPath);
    await disk.write(0, Buffer.alloc(512, 1));
    world.processes.kill(served.pid, 'SIGKILL');
    expect(await disk.closed).toMatchObject({ code: 'nbd-connection-lost' });
    await expect(served.stop()).rejects.toMatchObject({ code: 'file-failed' });
    const options = { imagePath: image, format: 'qcow2', bitmap: 'b', readOnly: true };
    await expect(serve(folder, options)).rejects.toMatchObject({
      code: 'checkpoint-inconsistent',
      data: { missing: false },
    });
  });

  it('makes no image over a file that is there', async () => {
    const path = join(temporaryFolder(), 'image');
    await writeFile(path, 'precious');
    for (const format of ['raw', 'qcow2'] as const) {
      await expect(createImage(world, path, format, MiB)).rejects.toMatchObject({
        code: 'path-exists',
      });
    }
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('knows the images below an overlay', async () => {
    const folder = temporaryFolder();
    const [base, middle, top] = ['base', 'middle', 'top'].map((name) => join(folder, name));
    await createImage(world, base!, 'raw', MiB);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base!, middle!]);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', middle!, top!]);
    expect((await imageInfo(world, top!)).backing).toEqual([
      { path: middle, format: 'qcow2' },
      { path: base, format: 'raw' },
    ]);
  });
});

describe.skipIf(noNbdkit !== null)('nbdkit', () => {
  it('with errors half of the time: requests fail, the connection lives', async () => {
    const disk = await nbdkit('--filter=error', 'pattern', '8M', 'error-rate=50%', 'error=ENOSPC');
    const reads = Array.from({ length: 64 }, (_, i) => disk.read(i * block, block));
    const results = await Promise.allSettled(reads);
    const failed = results.filter(({ status }) => status === 'rejected');
    expect(failed.length).toBeGreaterThan(5);
    expect(failed.length).toBeLessThan(59);
    expect(failed[0]).toMatchObject({ reason: { code: 'nbd-request', data: { error: 28 } } });
    for (const [i, result] of results.entries()) {
      // The pattern plugin's content: every 8 bytes their own offset, big-endian.
      if (result.status === 'fulfilled')
        expect(result.value.readBigUInt64BE(8)).toBe(BigInt(i * block + 8));
    }
  });

  it('with delays: many requests are under way at once', async () => {
    const disk = await nbdkit('--filter=delay', 'pattern', '8M', 'rdelay=200ms');
    const start = performance.now();
    await Promise.all(Array.from({ length: 16 }, (_, i) => disk.read(i * block, block)));
    expect(performance.now() - start).toBeLessThan(8 * 200);
  });

  it('with a strict block size: nothing it gets is refused', async () => {
    const policy = ['blocksize-minimum=4096', 'blocksize-maximum=64K', 'blocksize-preferred=4096'];
    const filter = ['--filter=blocksize-policy', 'memory', '8M', 'blocksize-error-policy=error'];
    const disk = await nbdkit(...filter, ...policy);
    expect(disk.blockSize).toEqual({ minimum: 4096, preferred: 4096, maximum: 65536 });
    const bytes = pseudoRandom('policy', MiB);
    await disk.write(4096, bytes);
    await disk.zero(8192, 4096);
    bytes.fill(0, 4096, 8192);
    expect((await disk.read(4097, MiB - 3)).equals(bytes.subarray(1, MiB - 2))).toBe(true);
    await disk.flush();
  });

  it('that is killed: every waiter hears of it', async () => {
    const folder = temporaryFolder();
    const server = await startNbdkit(folder, '--filter=delay', 'pattern', '8M', 'rdelay=10');
    const disk = await client(join(folder, 's'));
    const results = Promise.allSettled([disk.read(0, block), disk.read(block, block)]);
    setTimeout(() => server.kill('SIGKILL'), 100);
    for (const result of await results) {
      expect(result).toMatchObject({ reason: { code: 'nbd-connection-lost' } });
    }
  });
});

async function nbdkit(...args: readonly string[]): Promise<NbdDisk> {
  const folder = temporaryFolder();
  await startNbdkit(folder, ...args);
  return client(join(folder, 's'));
}

async function startNbdkit(folder: string, ...args: readonly string[]): Promise<ChildProcess> {
  const socketPath = join(folder, 's');
  const child = spawn('nbdkit', ['-f', '-U', socketPath, ...args], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await expect
    .poll(() =>
      stat(socketPath).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  return child;
}

async function nbdinfoMap(socketPath: string): Promise<Region[]> {
  const uri = `nbd+unix:///?socket=${socketPath}`;
  const { stdout } = await run('nbdinfo', ['--json', '--map', uri]);
  const extents = JSON.parse(stdout) as { offset: number; length: number; type: number }[];
  const regions: Region[] = [];
  for (const { offset, length, type } of extents) {
    const kind = (type & 2) === 0 ? 'data' : 'zero';
    const last = regions.at(-1);
    if (last?.kind === kind)
      regions[regions.length - 1] = { ...last, length: last.length + length };
    else regions.push({ kind, offset, length });
  }
  return regions;
}
