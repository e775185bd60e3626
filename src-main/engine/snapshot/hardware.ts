/** What of a machine's hardware a revert changes: libvirt brings the old definition back too. */
import type { Check } from '#contract/domain.ts';
import type { DomainDefinition } from '#engine/hypervisor/domain-xml.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { check } from './draft.ts';
import type { RevertTarget } from './revert-target.ts';
import { bytesInWords, counted, listed } from './words.ts';

export function hardwareCheck(
  { definition }: MachineFacts,
  { snapshot: { record } }: RevertTarget,
): readonly Check[] {
  const then = record.inactiveDomain ?? record.domain;
  const changes = then === null ? [] : changesBetween(definition, then);
  if (changes.length === 0) return [];
  const detail = `Then it had ${listed(changes)}.`;
  return [check('hardware', 'warning', 'Its hardware goes back too', detail)];
}

function changesBetween(now: DomainDefinition, then: DomainDefinition): readonly string[] {
  const changes: string[] = [];
  if (now.memoryBytes !== then.memoryBytes)
    changes.push(`${bytesInWords(then.memoryBytes)} memory`);
  if (now.processors !== then.processors) changes.push(counted(then.processors, 'processor'));
  if (now.machineType !== then.machineType) changes.push(`the machine type ${then.machineType}`);
  if (now.firmware.kind !== then.firmware.kind) {
    changes.push(then.firmware.kind === 'uefi' ? 'UEFI firmware' : 'BIOS firmware');
  }
  if (now.tpm.present !== then.tpm.present) changes.push(then.tpm.present ? 'a TPM' : 'no TPM');
  if (!sameSet(cards(now), cards(then))) {
    changes.push(then.interfaces.length === 0 ? 'no network card' : cardWords(then));
  }
  if (!sameSet(now.hostDevices, then.hostDevices)) {
    changes.push(
      then.hostDevices.length === 0 ? 'no devices of the host' : listed(then.hostDevices),
    );
  }
  return changes;
}

function cards({ interfaces }: DomainDefinition): readonly string[] {
  return interfaces.map(({ mac, source, model }) => `${mac} ${source} ${model}`);
}

function cardWords({ interfaces }: DomainDefinition): string {
  const on = interfaces.map(({ source, kind }) => source ?? kind);
  return `${counted(interfaces.length, 'network card')} (${listed(on)})`;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}
