import { isErrorCode, problem } from '../contracts/errors.js';
import type { LabelloopError } from '../contracts/errors.js';

/** All that a caller of the client can be told. */
export const clientErrors = {
  /** The server knows no workflow of this id. */
  unknownRun: (run: string): LabelloopError =>
    problem('RUN_UNKNOWN', `There is no run '${run}'. 'labelloop run list' shows the runs.`),
  /** The settings don't pass the schema. */
  badSettings: (complaints: readonly string[]): LabelloopError => problem('SETTINGS_INVALID', complaints.join('\n')),
  /** Temporal does not answer. */
  noTemporal: (address: string, cause: unknown): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `Temporal at ${address} does not answer. 'labelloop up' starts the embedded one, 'labelloop status' shows what runs.`,
      cause,
    ),
  /** The server has the run, but no worker took the message. */
  noWorker: (run: string): LabelloopError =>
    problem(
      'STACK_UNAVAILABLE',
      `No worker answers for run '${run}'. 'labelloop up' starts the workers; the run itself is safe.`,
    ),
  /** The run itself failed; its code and message are passed on as they are. */
  failed: ({ code, message }: { code: string; message: string }): LabelloopError =>
    problem(isErrorCode(code) ? code : 'INTERNAL', message),
  /** `run start --run ID` where ID is under way with other settings. */
  taken: (run: string): LabelloopError =>
    problem(
      'RUN_EXISTS',
      `A run '${run}' with other settings is under way. Give another --run, or end it: labelloop run cancel ${run}`,
    ),
  /** Labels of a run that has not finished a round; `reason`: why it failed before. */
  noLabels: (run: string, reason: string | undefined): LabelloopError =>
    problem(
      'RUN_NO_RESULTS',
      reason === undefined
        ? `Run '${run}' has no labels: no round of it has ended. 'labelloop run show ${run}' says how far it is.`
        : `Run '${run}' ended without labels: ${reason}`,
    ),
  /** `labels suspects` or `labels duplicates` of a run whose clusters are of an earlier release. */
  noLists: (run: string): LabelloopError =>
    problem(
      'RUN_NO_RESULTS',
      `The clusters of run '${run}' are of a release that listed neither suspects nor near-duplicates. Start the run again: stages that are in the store are not computed anew.`,
    ),
  /** `labels explain` of an image that the pool has not. */
  unknownImage: (run: string, image: string): LabelloopError =>
    problem(
      'USAGE',
      `The pool of run '${run}' has no image '${image}'. Give an id or a name as 'labelloop labels export' writes them; labelled and test images have no history.`,
    ),
  /** `labels explain` by a name that several images have. */
  ambiguousImage: (image: string, ids: readonly string[]): LabelloopError =>
    problem(
      'USAGE',
      `${ids.length} images are called '${image}'. Give the id of one: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}.`,
    ),
  /** A question about an audit that was never started. */
  noAudit: (run: string, audit?: number): LabelloopError =>
    problem(
      'AUDIT_UNKNOWN',
      `Run '${run}' has no audit${audit === undefined ? '' : ` ${audit}`}. 'labelloop audit start ${run} --error 2%' opens one once the run has ended.`,
    ),
  /** Two audits of a run at a time would freeze the same labels. */
  auditUnderWay: (run: string, audit: number): LabelloopError =>
    problem(
      'AUDIT_INVALID',
      `Audit ${audit} of run '${run}' is under way. 'labelloop audit show ${run}' says what it waits for, 'labelloop audit stop ${run}' ends it.`,
    ),
  /** An answer, a nonce or a stop for an audit that has ended. */
  auditOver: (run: string, audit: number): LabelloopError =>
    problem(
      'AUDIT_INVALID',
      `Audit ${audit} of run '${run}' is over and takes nothing more. 'labelloop audit show ${run}' says what it came to.`,
    ),
  /** An answer or a stop for questions that have ended. */
  questionsOver: (run: string): LabelloopError =>
    problem(
      'AUDIT_INVALID',
      `The questions of run '${run}' are over and take nothing more. 'labelloop review ${run}' asks what is left.`,
    ),
  /** Answers or a task file where nobody is asked. */
  nothingAsked: (run: string): LabelloopError =>
    problem(
      'AUDIT_UNKNOWN',
      `Nobody is asked about run '${run}': it has no audit and no questions. 'labelloop review ${run}' asks once it has ended, 'labelloop audit start ${run} --error 2%' opens an audit.`,
    ),
  /** Questions of a run while its audit waits: people are asked by that one. */
  auditFirst: (run: string, audit: number): LabelloopError =>
    problem(
      'AUDIT_INVALID',
      `Audit ${audit} of run '${run}' is open and asks people. Its questions wait until it has ended: 'labelloop audit show ${run}' says how far it is.`,
    ),
  /** Questions of a run that goes on: its labels still change. */
  asksAtEnd: (run: string): LabelloopError =>
    problem(
      'AUDIT_INVALID',
      `Run '${run}' is under way: its labels still change. Ask when it has ended: labelloop review ${run}`,
    ),
  /** `audit start` of a run that goes on: its labels still change. */
  runUnderWay: (run: string): LabelloopError =>
    problem(
      'AUDIT_INVALID',
      `Run '${run}' is under way: its labels still change. Start the audit when it has ended, or certify at its end: labelloop run start --certify 2%`,
    ),
  /** `certificate show` or `export` of a run without one. */
  noCertificate: (run: string, issued: readonly number[]): LabelloopError =>
    problem(
      'AUDIT_UNKNOWN',
      issued.length > 0
        ? `That audit of run '${run}' issued no certificate. These did: ${issued.toReversed().join(', ')}.`
        : `Run '${run}' has no certificate. 'labelloop audit show ${run}' says how far its audit is.`,
    ),
  /** `novel` of a run of a release that did not keep where the latents of labelled images are. */
  noLatents: (run: string): LabelloopError =>
    problem(
      'RUN_NO_RESULTS',
      `Run '${run}' is of an earlier release, which did not keep what a new class is told by. Start it again with the same settings: what is done comes from the store.`,
    ),
  /** `novel` of a run on images of which people labelled none or one. */
  nothingKnown: (run: string): LabelloopError =>
    problem(
      'RUN_NO_RESULTS',
      `Nobody has labelled two images that run '${run}' knows, so nothing can be told to be new. Answer some questions first: labelloop review ${run}`,
    ),
  /** `novel name RUN 99=x`. */
  noCluster: (run: string, cluster: number, clusters: number): LabelloopError =>
    problem(
      'USAGE',
      `Run '${run}' has no cluster ${cluster} with images; it has 0 to ${clusters - 1}. 'labelloop novel show ${run}' lists those that may be new.`,
    ),
  /** `novel name --not ID` where ID is not among the images that would be taken. */
  notShown: (image: string, images: number): LabelloopError =>
    problem(
      'USAGE',
      `--not '${image}' is none of the ${images} most central images of the clusters that you named. Give ids or names as 'labelloop novel show' prints them, with the same --images.`,
    ),
  /** All images of a cluster are left out. */
  nothingTaken: (cluster: number): LabelloopError =>
    problem(
      'USAGE',
      `No image of cluster ${cluster} is left to learn from. Leave fewer out, or take more: --images N.`,
    ),
  /** Pause, resume or cancel of a run that has ended. */
  ended: (run: string, status: string): LabelloopError => problem('RUN_UNKNOWN', `Run '${run}' has ended (${status}).`),
};
