import type { Notice, NoticeDelivery } from './notice.js';
import type { AuditState } from './audit.js';
import type { ShiftInput, ShiftOpened, ShiftOutput, ShiftWorkflowInput } from './shift.js';
import type {
  AnswerByTruthInput,
  AuditTurn,
  CertifyInput,
  CertifyOutput,
  DrawInput,
  FreezeInput,
  FreezeOutput,
  NumberAuditInput,
  NumberAuditOutput,
  OpenAuditInput,
  OpenAuditOutput,
  PrepareAuditInput,
  PrepareAuditOutput,
  RecordInput,
} from './audit-stages.js';
import type {
  EndQuestionsInput,
  NumberQuestionsInput,
  OpenQuestionsOutput,
  QuestionsAsked,
  QuestionsByTruthInput,
  QuestionsState,
  QuestionsTurn,
  RecordQuestionsInput,
} from './questions.js';
import type {
  ChooseInput,
  ChooseOutput,
  ClusterInput,
  ClusterOutput,
  CompareInput,
  CompareOutput,
  EvaluateInput,
  EvaluateOutput,
  GatherInput,
  GatherOutput,
  OpenOutput,
  RelabelInput,
  RelabelOutput,
  ReleaseInput,
  ReleaseOutput,
  SampleInput,
  SampleOutput,
  SplitInput,
  SplitOutput,
  StageResult,
  ThresholdInput,
  ThresholdOutput,
  TrainInput,
  TrainOutput,
} from './stages.js';

/** Stages that need a device; served on the learner's task queue, one at a time a device. */
export interface LearnerActivities {
  train(input: TrainInput): Promise<StageResult<TrainOutput>>;
  sample(input: SampleInput): Promise<StageResult<SampleOutput>>;
}

/** Stages that need none. */
export interface StageActivities {
  open(input: { settings: unknown }): Promise<OpenOutput>;
  split(input: SplitInput): Promise<StageResult<SplitOutput>>;
  gather(input: GatherInput): Promise<GatherOutput>;
  threshold(input: ThresholdInput): Promise<StageResult<ThresholdOutput>>;
  release(input: ReleaseInput): Promise<StageResult<ReleaseOutput>>;
  cluster(input: ClusterInput): Promise<StageResult<ClusterOutput>>;
  choose(input: ChooseInput): Promise<StageResult<ChooseOutput>>;
  openShift(input: ShiftWorkflowInput): Promise<ShiftOpened>;
  shift(input: ShiftInput): Promise<StageResult<ShiftOutput>>;
  relabel(input: RelabelInput): Promise<StageResult<RelabelOutput>>;
  evaluate(input: EvaluateInput): Promise<EvaluateOutput>;
  compare(input: CompareInput): Promise<CompareOutput>;
  numberAudit(input: NumberAuditInput): Promise<NumberAuditOutput>;
  prepareAudit(input: PrepareAuditInput): Promise<PrepareAuditOutput>;
  freeze(input: FreezeInput): Promise<StageResult<FreezeOutput>>;
  openAudit(input: OpenAuditInput): Promise<OpenAuditOutput>;
  drawAudit(input: DrawInput): Promise<AuditTurn>;
  recordAnswers(input: RecordInput): Promise<AuditTurn>;
  answerByTruth(input: AnswerByTruthInput): Promise<AuditTurn>;
  certify(input: CertifyInput): Promise<StageResult<CertifyOutput>>;
  endAudit(input: { state: AuditState }): Promise<void>;
  numberQuestions(input: NumberQuestionsInput): Promise<{ number: number }>;
  openQuestions(input: { asked: QuestionsAsked }): Promise<OpenQuestionsOutput>;
  recordQuestionAnswers(input: RecordQuestionsInput): Promise<QuestionsTurn>;
  answerQuestionsByTruth(input: QuestionsByTruthInput): Promise<QuestionsTurn>;
  endQuestions(input: EndQuestionsInput): Promise<QuestionsState>;
}

/** Tells people; served beside the stages. */
export interface NoticeActivities {
  /** Never fails: what could not be sent is in the result. */
  notify(notice: Notice): Promise<NoticeDelivery[]>;
}
