import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blocksPerChild,
  decodeNode,
  fanOut,
  levelsFor,
  maxLevels,
  maxTreeBlocks,
  TreeNode,
} from '#engine/store/tree-node.ts';
import { leaves } from '#engine/store/tree-walk.ts';
import { TreeWriter, type NodeStore } from '#engine/store/tree-writer.ts';

class MemoryNodes implements NodeStore {
  readonly stored = new Map<string, Buffer>();
  stores = 0;
  async load(id: Buffer, level: number): Promise<TreeNode> {
    const node = decodeNode(this.stored.get(id.toString('hex'))!, level);
    if ('why' in node) throw new Error(node.why);
    return node;
  }
  async store(node: TreeNode): Promise<Buffer> {
    const bytes = node.encode();
    const id = createHash('sha256').update(bytes).digest();
    this.stores += 1;
    this.stored.set(id.toString('hex'), bytes);
    return id;
  }
}

const idOf = (n: number) => createHash('sha256').update(String(n)).digest();

async function content(nodes: MemoryNodes, root: Buffer | null, blocks: number) {
  const found = new Map<number, string>();
  const load = (id: Buffer, level: number) => nodes.load(id, level);
  for await (const { firstBlock, node } of leaves(load, root, blocks)) {
    for (let child = 0; child < fanOut; child += 1) {
      const id = node.get(child);
      if (id !== null) found.set(firstBlock + child, id.toString('hex'));
    }
  }
  return found;
}

describe('levels', () => {
  it('are as few as reach, up to the largest repository', () => {
    expect([1, 64, 65, 4096, 4097].map(levelsFor)).toEqual([1, 1, 2, 2, 3]);
    expect(levelsFor(maxTreeBlocks)).toBe(maxLevels);
    expect(Number.isSafeInteger(blocksPerChild(maxLevels))).toBe(true);
  });
});

describe('a tree', () => {
  const blocks = 64 * 64 * 3 + 5;
  const change = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      first: fc.nat(blocks - 1),
      ids: fc.array(fc.option(fc.nat(50), { nil: null }), { minLength: 1, maxLength: 130 }),
    }),
    fc.record({
      kind: fc.constant('clear' as const),
      first: fc.nat(blocks - 1),
      count: fc.nat(9000),
    }),
  );

  it('holds what a plain list would, over several runs on top of each other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 3 }),
        async (runs) => {
          const nodes = new MemoryNodes();
          const expected = new Map<number, string>();
          let root: Buffer | null = null;
          for (const changes of runs) {
            const tree: TreeWriter = new TreeWriter(nodes, blocks, root);
            for (const one of changes) {
              if (one.kind === 'set') {
                const ids = one.ids.slice(0, blocks - one.first);
                await tree.set(
                  one.first,
                  ids.map((id) => (id === null ? null : idOf(id))),
                );
                for (const [i, id] of ids.entries()) {
                  if (id === null) expected.delete(one.first + i);
                  else expected.set(one.first + i, idOf(id).toString('hex'));
                }
              } else {
                const end = Math.min(blocks, one.first + one.count);
                await tree.clear(one.first, end);
                for (let block = one.first; block < end; block += 1) expected.delete(block);
              }
            }
            root = await tree.finish();
          }
          expect(root === null).toBe(expected.size === 0);
          const sorted = [...expected].sort(([a], [b]) => a - b);
          expect([...(await content(nodes, root, blocks))]).toEqual(sorted);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has the same root however it was made', async () => {
    const nodes = new MemoryNodes();
    const one = new TreeWriter(nodes, blocks, null);
    for (let block = 0; block < 500; block += 1) await one.set(block, [idOf(block)]);
    const other = new TreeWriter(nodes, blocks, null);
    await other.set(
      0,
      Array.from({ length: 700 }, (_, block) => idOf(block)),
    );
    await other.clear(500, 700);
    expect(await other.finish()).toEqual(await one.finish());
  });

  it('keeps few nodes in memory: old ones are stored while it is written', async () => {
    const nodes = new MemoryNodes();
    const tree = new TreeWriter(nodes, 2 ** 30, null);
    const jump = 64 * 7; // every write is in another leaf
    for (let i = 0; i < 3000; i += 1) await tree.set(i * jump, [idOf(i)]);
    expect(nodes.stores).toBeGreaterThan(1500);
    for (let i = 0; i < 3000; i += 997) await tree.set(i * jump + 1, [idOf(i)]);
    const found = await content(nodes, await tree.finish(), 2 ** 30);
    expect(found.size).toBe(3000 + 4);
    expect(found.get(997 * jump + 1)).toBe(idOf(997).toString('hex'));
  });

  it('costs a changed block one node per level', async () => {
    const nodes = new MemoryNodes();
    const base = new TreeWriter(nodes, blocks, null);
    await base.set(
      0,
      Array.from({ length: blocks }, (_, block) => idOf(block)),
    );
    const root = await base.finish();
    const before = nodes.stores;
    const next = new TreeWriter(nodes, blocks, root);
    expect(await next.set(777, [idOf(777)])).toEqual([false]);
    expect(await next.set(778, [idOf(1)])).toEqual([true]);
    await next.finish();
    expect(nodes.stores - before).toBe(levelsFor(blocks));
  });
});

describe('a node', () => {
  it('comes back, and anything else is refused', () => {
    const node = new TreeNode(2);
    node.set(0, idOf(0));
    node.set(63, idOf(63));
    const bytes = node.encode();
    expect(bytes.length).toBe(10 + 64);
    const back = decodeNode(bytes, 2);
    expect(back).toMatchObject({ count: 2 });
    const empty = new TreeNode(0).encode();
    const unknown = Buffer.from(bytes);
    unknown[0] = 2;
    const more = Buffer.concat([bytes, idOf(1)]);
    for (const bad of [bytes.subarray(0, 9), bytes.subarray(0, -1), more, unknown]) {
      expect(decodeNode(bad, 2)).toHaveProperty('why');
    }
    expect(decodeNode(bytes, 1)).toHaveProperty('why');
    expect(decodeNode(empty, 0)).toHaveProperty('why');
  });
});
