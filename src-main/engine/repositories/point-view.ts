import type {
  Named,
  Part,
  Point,
  PointId,
  RepositoryId,
  SkippedDisk,
  SkipReason,
} from '#contract/domain.ts';
import { hasCode } from '#contract/errors.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import { keyOf } from '#engine/store/kept.ts';
import type { ManifestPart, PointManifest } from '#engine/store/manifest.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';

/** A manifest as the point that every way in shows. */
export function viewPoint(manifest: PointManifest, repository: Named<RepositoryId>): Point {
  return {
    id: manifest.id as PointId,
    machine: manifest.machine,
    host: manifest.host.name,
    repository,
    time: manifest.time,
    seconds: manifest.seconds,
    disks: manifest.disks.map(({ root: _tree, source: _source, ...disk }) => disk),
    skipped: manifest.skipped.map(({ target, reason }): SkippedDisk => ({
      target,
      reason: reason as SkipReason,
    })),
    definition:
      manifest.definition === null
        ? { kind: 'none' }
        : { kind: 'included', sizeBytes: manifest.definition.sizeBytes },
    firmware: viewPart(manifest.firmware),
    tpm: viewPart(manifest.tpm),
    consistency: manifest.consistency,
    checkpoint: manifest.checkpoint,
    sizeBytes: manifest.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    readBytes: manifest.readBytes,
    storedBytes: manifest.storedBytes,
    verified: null,
    damaged: false,
    pinned: false,
  };
}

function viewPart(part: ManifestPart): Part {
  if (part.kind === 'included') return { kind: 'included', sizeBytes: part.root.sizeBytes };
  return part;
}

/**
 * Every point of a repository that is not removed. Those the catalog knows are not read again: a
 * manifest never changes. A manifest that cannot be read is left out and logged; verify reports
 * it with all it touches.
 */
export async function readPoints(
  world: World,
  store: StoreRepository,
  repository: Named<RepositoryId>,
  catalog: Catalog,
): Promise<readonly Point[]> {
  const known = new Map(
    catalog.points.listPoints({ repository: repository.id }).map((point) => [point.id, point]),
  );
  const pins = new Set((await store.kept.pins()).map(keyOf));
  const points: Point[] = [];
  for (const { id, machineUuid } of await store.listPoints()) {
    const pinned = pins.has(keyOf({ id, machineUuid }));
    const cached = known.get(id as PointId);
    if (cached !== undefined) {
      points.push({ ...cached, pinned });
      continue;
    }
    try {
      points.push({ ...viewPoint(await store.readPoint(id, machineUuid), repository), pinned });
    } catch (thrown) {
      if (!hasCode(thrown, 'manifest-damaged', 'manifest-refused', 'block-damaged')) throw thrown;
      world.log.error(`The restore point ${id} cannot be read`, thrown);
    }
  }
  return points;
}
