/** waymark host … */
import { operand, type Command } from '../command.ts';
import { findHost } from '../find.ts';
import { exitCodes } from '../output.ts';
import { plain, table } from '../words.ts';
import type { HostState } from '#contract/domain.ts';

function stateWords(state: HostState): string {
  switch (state.kind) {
    case 'connected':
      return `connected${state.readOnly ? ', read only' : ''}`;
    case 'failed':
      return state.error.message;
    default:
      return state.kind;
  }
}

function versions(state: HostState): string {
  if (state.kind !== 'connected') return '';
  return `libvirt ${state.libvirtVersion}, QEMU ${state.hypervisorVersion}`;
}

const list: Command = {
  name: 'host list',
  operands: '',
  summary: 'the hosts and how their connection is',
  options: {},
  count: { min: 0, max: 0 },
  async run(context) {
    const hosts = await (await context.client()).call('hosts.list', {});
    context.output.result({ hosts }, () => {
      if (hosts.length === 0) return 'No hosts yet. Add one: waymark host add <name> <uri>';
      return table(
        ['name', 'uri', 'machines', 'state', 'versions'],
        hosts.map((host) => [
          host.name,
          host.uri,
          String(host.machineCount),
          stateWords(host.state),
          versions(host.state),
        ]),
      );
    });
    return exitCodes.done;
  },
};

const add: Command = {
  name: 'host add',
  operands: '<name> <uri>',
  summary: 'connect to a libvirt and keep it in the list',
  options: {},
  count: { min: 2, max: 2 },
  details: 'For example: waymark host add here qemu:///system',
  async run(context) {
    const client = await context.client();
    const host = await client.call('hosts.add', {
      name: operand(context, 0),
      uri: operand(context, 1),
    });
    context.output.result(
      { host },
      () => `${plain(host.name)} is added: ${host.machineCount} machines. ${versions(host.state)}`,
    );
    return exitCodes.done;
  },
};

const remove: Command = {
  name: 'host remove',
  operands: '<name>',
  summary: 'forget a host; its machines and points are not touched',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const host = await findHost(client, operand(context, 0));
    await client.call('hosts.remove', { host: host.id });
    context.output.result({ removed: host }, () => `${plain(host.name)} is forgotten.`);
    return exitCodes.done;
  },
};

export const hostCommands: readonly Command[] = [list, add, remove];
