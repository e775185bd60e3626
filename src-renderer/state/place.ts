/**
 * Where the window can be, and how each place is written in the address after the hash. A reload
 * or a link opened twice lands in the same place; an address nobody wrote lands on the machines.
 */
import type { HostId, JobId, MachineId, PointId, RepositoryId } from '#contract/domain.ts';
import type { PlanId } from '#contract/plans.ts';

/** What is selected on a machine's timeline. */
export type Selected =
  | { readonly kind: 'point'; readonly id: PointId }
  | { readonly kind: 'snapshot'; readonly id: string }
  | { readonly kind: 'checkpoint'; readonly id: string };

/** Whom a new plan begins with: everything, what no plan means yet, or one machine. */
export type PlanStart = 'everything' | 'unplanned' | MachineId;

export type Place =
  | { readonly kind: 'first-run' }
  | { readonly kind: 'machines'; readonly host: HostId | null }
  | { readonly kind: 'machine'; readonly machine: MachineId; readonly selected: Selected | null }
  | { readonly kind: 'plans' }
  | { readonly kind: 'plan'; readonly plan: PlanId }
  | { readonly kind: 'create-plan'; readonly start: PlanStart }
  | { readonly kind: 'edit-plan'; readonly plan: PlanId; readonly step: string | null }
  | { readonly kind: 'repositories' }
  | { readonly kind: 'create-repository' }
  | { readonly kind: 'repository'; readonly repository: RepositoryId }
  | { readonly kind: 'jobs' }
  | { readonly kind: 'job'; readonly job: JobId }
  | { readonly kind: 'history' }
  | { readonly kind: 'settings' }
  | { readonly kind: 'backup'; readonly machine: MachineId | null }
  | {
      readonly kind: 'restore';
      readonly machine: MachineId | null;
      readonly point: PointId | null;
    };

export type PlaceKind = Place['kind'];

const home: Place = { kind: 'machines', host: null };

function withQuery(path: string, values: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null) query.set(name, value);
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

function pathOf(place: Place): string {
  switch (place.kind) {
    case 'machines':
      return withQuery('machines', { host: place.host });
    case 'machine': {
      const selected = place.selected;
      return withQuery(`machine/${encodeURIComponent(place.machine)}`, {
        [selected?.kind ?? 'point']: selected?.id ?? null,
      });
    }
    case 'plan':
      return `plan/${encodeURIComponent(place.plan)}`;
    case 'edit-plan':
      return withQuery(`edit-plan/${encodeURIComponent(place.plan)}`, { step: place.step });
    case 'create-plan':
      return withQuery('create-plan', {
        machines: place.start === 'everything' ? null : place.start,
      });
    case 'repository':
      return `repository/${encodeURIComponent(place.repository)}`;
    case 'job':
      return `job/${encodeURIComponent(place.job)}`;
    case 'backup':
      return withQuery('backup', { machine: place.machine });
    case 'restore':
      return withQuery('restore', { machine: place.machine, point: place.point });
    default:
      return place.kind;
  }
}

/** The address of a place, for `href`. */
export function addressOf(place: Place): string {
  return `#/${pathOf(place)}`;
}

function decoded(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // a stray % in a hand-typed address
  }
}

function selectedIn(query: URLSearchParams): Selected | null {
  const point = query.get('point');
  if (point !== null) return { kind: 'point', id: point as PointId };
  const snapshot = query.get('snapshot');
  if (snapshot !== null) return { kind: 'snapshot', id: snapshot };
  const checkpoint = query.get('checkpoint');
  return checkpoint === null ? null : { kind: 'checkpoint', id: checkpoint };
}

/** The place an address names. Ids are not checked here: the screen says when one is gone. */
export function placeAt(address: string): Place {
  const [path = '', query = ''] = address.replace(/^#?\/?/, '').split('?', 2);
  const [kind, rawId] = path.split('/', 2);
  const id = decoded(rawId);
  const values = new URLSearchParams(query);
  switch (kind) {
    case 'machine':
      if (id === null) return home;
      return { kind, machine: id as MachineId, selected: selectedIn(values) };
    case 'plan':
      return id === null ? { kind: 'plans' } : { kind, plan: id as PlanId };
    case 'edit-plan':
      if (id === null) return { kind: 'plans' };
      return { kind, plan: id as PlanId, step: values.get('step') };
    case 'create-plan':
      return { kind, start: (values.get('machines') ?? 'everything') as PlanStart };
    case 'repository':
      return id === null ? { kind: 'repositories' } : { kind, repository: id as RepositoryId };
    case 'job':
      return id === null ? { kind: 'jobs' } : { kind, job: id as JobId };
    case 'backup':
      return { kind, machine: values.get('machine') as MachineId | null };
    case 'restore':
      return {
        kind,
        machine: values.get('machine') as MachineId | null,
        point: values.get('point') as PointId | null,
      };
    case 'first-run':
    case 'plans':
    case 'repositories':
    case 'create-repository':
    case 'jobs':
    case 'history':
    case 'settings':
      return { kind };
    default:
      return { kind: 'machines', host: values.get('host') as HostId | null };
  }
}
