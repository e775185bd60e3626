import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';

type Calls = 'hosts.list' | 'hosts.add' | 'hosts.remove' | 'hosts.retry';

export function hostHandlers({ fleet, catalog, jobs }: Rooms): Pick<Handlers, Calls> {
  return {
    'hosts.list': () => answer(() => fleet.hosts()),
    'hosts.add': ({ name, uri }) => {
      const taken = (candidate: string) => catalog.hosts.byName(candidate) !== null;
      return fleet.add(name ?? freeName(hostName(uri), taken), uri, false);
    },
    'hosts.remove': async ({ host }) => {
      if (fleet.record(host).practice) {
        throw new AppError('refused', 'The practice host is removed with its practice machine.', {
          advice: 'Remove the practice machine.',
        });
      }
      const user = jobs.list(false).find(({ machine }) => machine?.id?.startsWith(`${host}/`));
      if (user !== undefined) {
        throw new AppError('machine-busy', `The host is in use: ${user.title}.`, {
          job: user.id,
          title: user.title,
          unharmed: 'Nothing was changed.',
          advice: 'Wait until it is done or cancel it, then try again.',
        });
      }
      await fleet.remove(host);
      return null;
    },
    'hosts.retry': ({ host }) => fleet.retry(host),
  };
}

/** "This computer" for a local connection, the other computer's name otherwise. */
export function hostName(uri: string): string {
  const authority = /^[a-z+]+:\/\/(?:[^@/]*@)?([^/:?]+)/.exec(uri)?.[1];
  if (authority !== undefined) return authority;
  return uri.startsWith('qemu:///session') ? 'This user' : 'This computer';
}

function freeName(wanted: string, taken: (name: string) => boolean): string {
  if (!taken(wanted)) return wanted;
  for (let count = 2; ; count += 1) if (!taken(`${wanted} ${count}`)) return `${wanted} ${count}`;
}
