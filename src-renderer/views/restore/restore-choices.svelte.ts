/**
 * What a person has chosen in the restore wizard, with safe defaults (ux.md W7: newest verified
 * point, as a new machine, network disconnected, start off), and the engine's plan of it. Disks
 * only, as image files, is one restore a disk; their plans are shown as one.
 */
import type { RestoreTarget } from '#contract/inputs.ts';
import type {
  Check,
  HostId,
  JobId,
  Machine,
  MachineId,
  Point,
  PointId,
  RestorePlan,
} from '#contract/domain.ts';
import type { App } from '../../state/context.ts';
import { Loading } from '../../state/loading.svelte.ts';
import { freeName, imagePath, uuidOf } from './names.ts';

export type What = 'machine' | 'disk';
export type Where = 'new' | 'images';
export type ImageFormat = 'raw' | 'qcow2';

export interface Plans {
  readonly checks: readonly Check[];
  readonly plans: readonly RestorePlan[];
}

/** A point whose data was read back and is fine. */
function proven(point: Point): boolean {
  return point.verified?.ok === true && !point.damaged;
}

export class RestoreChoices {
  readonly #app: App;
  readonly points = new Loading<readonly Point[]>([]);
  readonly plan = new Loading<Plans | null>(null);
  #machineUuid = $state<string | null>(null);
  #point = $state<PointId | null>(null);
  #what = $state<What>('machine');
  #disk = $state<string | null>(null);
  #where = $state<Where>('new');
  #host = $state<HostId | null>(null);
  #name = $state<string | null>(null);
  #folder = $state('');
  #connected = $state(false);
  #start = $state(false);
  #path = $state<string | null>(null);
  #format = $state<ImageFormat>('qcow2');
  #accepted = $state.raw<ReadonlySet<string>>(new Set());
  #touched = $state(false);
  #planning = $state(false);

  constructor(app: App, machine: MachineId | null, point: PointId | null) {
    this.#app = app;
    this.#machineUuid = machine === null ? null : uuidOf(machine);
    this.#point = point;
  }

  load(): Promise<void> {
    const of = { machineUuid: null, repository: null };
    return this.points.read(() => this.#app.points.list(of));
  }

  // What there is to choose from -----------------------------------------------------------------

  /** Machines that have points, by name; some may no longer exist on any host. */
  get machines(): readonly { readonly uuid: string; readonly name: string }[] {
    const names = new Map<string, string>();
    for (const { machine } of this.points.value) {
      if (!names.has(machine.uuid)) names.set(machine.uuid, machine.name);
    }
    return [...names]
      .map(([uuid, name]) => ({ uuid, name }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  get machineUuid(): string | null {
    const preset = this.points.value.find((point) => point.id === this.#point);
    return this.#machineUuid ?? preset?.machine.uuid ?? this.machines[0]?.uuid ?? null;
  }

  /** Points of the chosen machine, newest first. */
  get ofMachine(): readonly Point[] {
    return this.points.value.filter((point) => point.machine.uuid === this.machineUuid);
  }

  get point(): Point | null {
    const points = this.ofMachine;
    const asked = points.find((point) => point.id === this.#point);
    if (asked !== undefined) return asked;
    return points.find(proven) ?? points.find((point) => !point.damaged) ?? null;
  }

  /** The machine as it is now, when it still exists. */
  get machine(): Machine | null {
    return this.#app.machines.all.find((one) => one.uuid === this.machineUuid) ?? null;
  }

  get machineName(): string {
    return this.point?.machine.name ?? this.machine?.name ?? '';
  }

  get hasDefinition(): boolean {
    return this.point?.definition.kind === 'included';
  }

  // What was chosen ------------------------------------------------------------------------------

  get what(): What {
    return this.hasDefinition ? this.#what : 'disk';
  }

  get where(): Where {
    return this.what === 'disk' ? 'images' : this.#where;
  }

  /** Disks that will be written. */
  get disks(): Point['disks'] {
    const disks = this.point?.disks ?? [];
    if (this.what === 'machine') return disks;
    return disks.filter((disk) => disk.target === (this.#disk ?? disks[0]?.target));
  }

  get disk(): string {
    return this.disks[0]?.target ?? '';
  }

  get host(): HostId | null {
    const usable = this.#app.hosts.all.filter((one) => one.state.kind === 'connected');
    const asked = this.#host ?? this.machine?.host.id ?? null;
    return usable.find((one) => one.id === asked)?.id ?? usable[0]?.id ?? null;
  }

  get hostName(): string {
    return this.host === null ? '' : (this.#app.hosts.byId(this.host)?.name ?? '');
  }

  /** Names in use on the chosen host. */
  get takenNames(): ReadonlySet<string> {
    const host = this.host;
    return new Set(
      this.#app.machines.all.filter((one) => one.host.id === host).map((one) => one.name),
    );
  }

  get name(): string {
    return this.#name ?? freeName(this.machineName, this.takenNames);
  }

  get folder(): string {
    return this.#folder;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get start(): boolean {
    return this.#start;
  }

  get format(): ImageFormat {
    return this.#format;
  }

  /** One file for one disk, else the folder of several. */
  get path(): string {
    return this.#path ?? '';
  }

  /** Where the image of each disk goes. */
  get images(): readonly { readonly disk: string; readonly path: string }[] {
    const single = this.disks.length === 1;
    return this.disks.map(({ target }) => ({
      disk: target,
      path: single ? this.path : imagePath(this.path, this.machineName, target, this.format),
    }));
  }

  get accepted(): ReadonlySet<string> {
    return this.#accepted;
  }

  get touched(): boolean {
    return this.#touched;
  }

  get planning(): boolean {
    return this.#planning;
  }

  get blocked(): boolean {
    return this.plan.value?.checks.some((check) => check.level === 'blocker') ?? false;
  }

  get unaccepted(): boolean {
    const open = (check: Check): boolean =>
      check.accept !== undefined && !this.#accepted.has(check.id);
    return this.plan.value?.checks.some(open) ?? false;
  }

  // Choosing -------------------------------------------------------------------------------------

  #changed(): void {
    this.#touched = true;
    this.#accepted = new Set();
    this.plan.clear(null);
  }

  chooseMachine(uuid: string): void {
    this.#machineUuid = uuid;
    this.#point = null;
    this.#name = null;
    this.#disk = null;
    this.#changed();
  }

  choosePoint(point: PointId): void {
    this.#point = point;
    this.#disk = null;
    this.#changed();
  }

  chooseWhat(what: What): void {
    this.#what = what;
    this.#changed();
  }

  chooseDisk(target: string): void {
    this.#disk = target;
    this.#changed();
  }

  chooseWhere(where: Where): void {
    this.#where = where;
    this.#changed();
  }

  set(change: {
    readonly host?: HostId;
    readonly name?: string;
    readonly folder?: string;
    readonly connected?: boolean;
    readonly start?: boolean;
    readonly path?: string;
    readonly format?: ImageFormat;
  }): void {
    this.#host = change.host ?? this.#host;
    this.#name = change.name ?? this.#name;
    this.#folder = change.folder ?? this.#folder;
    this.#connected = change.connected ?? this.#connected;
    this.#start = change.start ?? this.#start;
    this.#path = change.path ?? this.#path;
    this.#format = change.format ?? this.#format;
    this.#changed();
  }

  accept(id: string, on: boolean): void {
    const next = new Set(this.#accepted);
    if (on) next.add(id);
    else next.delete(id);
    this.#accepted = next;
    this.#touched = true;
  }

  // Planning and starting ------------------------------------------------------------------------

  /** What the engine is asked for: one target, or one for each image. */
  get targets(): readonly RestoreTarget[] {
    if (this.where === 'images') {
      const format = this.format;
      return this.images.map(({ disk, path }) => ({ kind: 'image', disk, path, format }));
    }
    const host = this.host;
    if (host === null) return [];
    return [
      {
        kind: 'new-machine',
        host,
        name: this.name.trim(),
        folder: this.#folder.trim() === '' ? null : this.#folder.trim(),
        network: this.#connected ? 'connected' : 'disconnected',
        start: this.#start,
      },
    ];
  }

  /** Asks the engine what would happen; its trouble is in `plan.problem`. */
  async makePlan(): Promise<void> {
    const point = this.point;
    const targets = this.targets;
    if (point === null || targets.length === 0) return;
    this.#planning = true;
    try {
      await this.plan.read(async () => {
        const plans: RestorePlan[] = [];
        for (const to of targets) {
          plans.push(await this.#app.points.planRestore({ point: point.id, to }));
        }
        return { plans, checks: withoutRepeats(plans) };
      });
    } finally {
      this.#planning = false;
    }
  }

  /** Starts the jobs. Throws AppError when one is refused; those before it run. */
  async begin(point: Point): Promise<readonly JobId[]> {
    const jobs: JobId[] = [];
    for (const to of this.targets) {
      const choice = { point: point.id, to, accepted: [...this.#accepted] };
      jobs.push(await this.#app.points.startRestore(choice));
    }
    return jobs;
  }
}

/** Several disks pass the same checks: each is shown once, its worst answer first. */
function withoutRepeats(plans: readonly RestorePlan[]): readonly Check[] {
  const seen = new Map<string, Check>();
  for (const check of plans.flatMap((plan) => plan.checks)) {
    const key = `${check.id} ${check.level} ${check.detail}`;
    if (!seen.has(key)) seen.set(key, check);
  }
  const ids = new Map<string, number>();
  return [...seen.values()].map((check) => {
    const count = (ids.get(check.id) ?? 0) + 1;
    ids.set(check.id, count);
    // A tick is by id, so that one consent covers the same warning of every disk.
    return count === 1 || check.accept !== undefined
      ? check
      : { ...check, id: `${check.id}-${count}` };
  });
}
