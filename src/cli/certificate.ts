import { cliErrors } from './errors.js';
import { count, pairs, percent, plural } from './format.js';
import { examples, verb, withClient } from './verb.js';
import type { Command } from 'commander';
import type { CertificateNow } from '../client/index.js';
import type { Call, Context } from './verb.js';

const AUDIT = 'number of the audit that issued it (default: the last that issued one)';

/** @throws LabelloopError USAGE */
function auditOf({ audit }: { audit?: string }): number | undefined {
  if (audit === undefined) return undefined;
  const number = Number(audit);
  if (!Number.isSafeInteger(number) || number < 1) throw cliErrors.notAnAudit(audit);
  return number;
}

export function addCertificateVerbs(program: Command, context: Context): void {
  const certificate = program
    .command('certificate')
    .description("what is certified of a run's labels, for anybody to check");
  certificate.addHelpText(
    'after',
    examples(
      'labelloop certificate show shells-1a2b3c4d',
      'labelloop certificate export shells-1a2b3c4d --out shells-certificate',
      'labelloop certificate verify shells-certificate',
    ),
  );

  certificate
    .command('show')
    .description('a certificate, and what of it holds for the labels that there are now')
    .argument('<run>', 'id of the run')
    .option('--audit <n>', AUDIT)
    .addHelpText(
      'after',
      examples('labelloop certificate show shells-1a2b3c4d', 'labelloop certificate show shells-1a2b3c4d --audit 3'),
    )
    .action(
      verb(context, async (call: Call<{ audit?: string }>, run: string) =>
        withClient(call.services, async (client) => {
          const now = await client.certificate(run, auditOf(call.options));
          return { document: now, lines: certificateLines(now) };
        }),
      ),
    );

  certificate
    .command('export')
    .description('write the bundle by which anybody can check it, offline and with Node alone')
    .argument('<run>', 'id of the run')
    .requiredOption('--out <dir>', 'folder to write; made where it is not there')
    .option('--audit <n>', AUDIT)
    .addHelpText('after', examples('labelloop certificate export shells-1a2b3c4d --out shells-certificate'))
    .action(
      verb(context, async (call: Call<{ out: string; audit?: string }>, run: string) => {
        const { out } = call.options;
        const audit = auditOf(call.options);
        const files = await withClient(call.services, (client) => client.exportCertificate(run, out, audit));
        return {
          document: { run, out, files },
          lines: [
            `${plural(files.length, 'file')} written to ${out}: ${files.join(', ')}.`,
            `Anybody checks it by: node ${out}/verify.mjs ${out}`,
          ],
        };
      }),
    );

  certificate
    .command('verify')
    .description('check a bundle; exit code 1 where it does not hold')
    .argument('<dir>', 'folder of the bundle')
    .addHelpText('after', examples('labelloop certificate verify shells-certificate'))
    .action(
      verb(context, async (call, dir: string) => {
        const { holds, lines } = await call.services.verifyBundle(dir);
        if (!holds) throw cliErrors.bundleRefused(dir, lines);
        return { document: { dir, holds, lines }, lines };
      }),
    );
}

/** A certificate as `certificate show` prints it. */
export function certificateLines({ certificate, changes, holds }: CertificateNow): string[] {
  const { panel } = certificate;
  const changed = changes.changed + changes.added + changes.revoked > 0;
  return pairs([
    ['Certificate', `${certificate.id}, grade ${certificate.grade}, issued ${certificate.issuedAt}`],
    ['', certificate.statement],
    ...(certificate.class === undefined ? [] : ([['Class', certificate.class]] as const)),
    ...(certificate.corrected > 0
      ? ([['Corrected', `${plural(certificate.corrected, 'mistake')} that people found among these labels`]] as const)
      : []),
    [
      'Now',
      `at most ${count(holds.most)} of ${count(holds.size)} labels are wrong (${percent(holds.size > 0 ? holds.most / holds.size : 0)})` +
        (changed
          ? `, after ${count(changes.changed)} changed, ${count(changes.added)} added and ${count(changes.revoked)} taken back since`
          : '; nothing has changed since'),
    ],
    [
      'Panel',
      panel.answersFrom === 'truth'
        ? 'dry run: hidden labels answered for people'
        : `${plural(panel.people, 'person', 'people')}${panel.agreement === null ? '' : `, kappa ${panel.agreement.toFixed(2)} over ${plural(panel.doubled, 'image')}`}`,
    ],
    ['Root', certificate.root],
  ]);
}
