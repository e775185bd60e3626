/** waymark checkpoint doctor */
import { maxNamed } from '#contract/actions.ts';
import type { DoctorReport, Finding } from '#contract/moments.ts';
import { actionLine } from '../action-line.ts';
import { flag, usage, type Command } from '../command.ts';
import { exitCodes, type ExitCode } from '../output.ts';
import {
  perform,
  planOption,
  resultValue,
  resultWords,
  showPlan,
  wantedMachine,
} from '../run-action.ts';
import { plainLines } from '../words.ts';

function findingLines({ severity, title, detail, repair }: Finding): string {
  return [
    `${severity === 'problem' ? 'PROBLEM' : 'NOTICE'}: ${title}`,
    `  ${detail}`,
    repair === null ? '  Waymark cannot repair this by itself.' : `  Repair: ${repair}`,
  ].join('\n');
}

function reportWords({ findings, looked, notLooked }: DoctorReport): string {
  const paragraphs = [
    ...(findings.length === 0 ? ['Nothing is wrong.'] : findings.map(findingLines)),
    [
      ...looked.map((what) => `Looked at: ${what}`),
      ...notLooked.map(({ what, why }) => `Not looked at: ${what} (${why})`),
    ].join('\n'),
  ];
  return plainLines(paragraphs.join('\n\n').trimEnd());
}

function exitCodeOf({ findings }: DoctorReport): ExitCode {
  const problem = findings.some(({ severity }) => severity === 'problem');
  return problem ? exitCodes.problems : exitCodes.done;
}

export const doctorCommand: Command = {
  name: 'checkpoint doctor',
  operands: '<machine>',
  summary: 'find what libvirt, the disk images and Waymark disagree on',
  options: {
    details: {
      type: 'boolean',
      help: 'also ask QEMU itself; libvirt marks the running machine as tainted then',
    },
    repair: { type: 'boolean', help: 'repair what can be repaired' },
    plan: { ...planOption, help: `with --repair: ${planOption.help}` },
  },
  count: { min: 1, max: 1 },
  details: 'Ends with 4 when it found a problem, or when one is left after the repair.',
  async run(context) {
    const repair = flag(context, 'repair');
    if (flag(context, 'plan') && !repair) throw usage('--plan belongs to --repair.');
    const client = await context.client();
    const wanted = await wantedMachine(context, client);
    const look = { machine: wanted.machine.id, details: flag(context, 'details') };
    const report = await client.call('doctor.examine', look);
    const repairable = report.findings.filter((finding) => finding.repair !== null);
    const findings = repairable.slice(0, maxNamed).map(({ id }) => id);
    const action = { kind: 'repair', findings, details: look.details } as const;
    if (!repair || repairable.length === 0) {
      context.output.result({ report }, () =>
        [
          reportWords(report),
          ...(repairable.length === 0 ? [] : [`To repair: ${actionLine(wanted.word, action)}`]),
        ].join('\n\n'),
      );
      return exitCodeOf(report);
    }
    if (flag(context, 'plan')) return showPlan(context, client, wanted, action);
    if (!context.json) context.output.note(reportWords(report));
    const { result, exitCode } = await perform(context, client, wanted, action);
    const after = await client.call('doctor.examine', look);
    context.output.result({ report, repaired: resultValue(result), after }, () =>
      [resultWords(wanted.word, result), reportWords(after)].join('\n\n'),
    );
    return exitCode === exitCodes.done ? exitCodeOf(after) : exitCode;
  },
};
