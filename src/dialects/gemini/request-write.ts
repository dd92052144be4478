import type { RequestTarget, WrittenRequest } from '../codec.js';
import { budgetOf } from '../conversation/effort.js';
import { Losses } from '../conversation/losses.js';
import {
  chosenToolName,
  customToolSchema,
  geminiNames,
  RenamedTools,
} from '../conversation/tool-names.js';
import type { ConversationRequest, Effort, JsonObject, ToolChoice } from '../conversation.js';
import { writeContents } from './contents-write.js';
import { abilitiesOf, type GeminiAbilities } from './models.js';
import { toGeminiSchema } from './schema.js';

const dialect = 'gemini.generate';

/** The path contains the model, and whether to stream. */
export function writeGenerateRequest(
  request: ConversationRequest,
  target: RequestTarget,
): WrittenRequest {
  const losses = new Losses();
  const renamed = new RenamedTools();
  const abilities = abilitiesOf(target.model);
  const body: JsonObject = {};
  writeContents(request, abilities, body, losses);
  const tools = writeTools(request, renamed, losses);
  if (tools.length > 0) {
    body.tools = tools;
    if (request.toolChoice) body.toolConfig = writeToolConfig(request.toolChoice, request);
  }
  const config = writeConfig(request, losses);
  if (request.reasoning) {
    config.thinkingConfig = writeThinking(request.reasoning, abilities, losses);
  }
  if (Object.keys(config).length > 0) body.generationConfig = config;
  if (request.parallelTools === false) losses.drop('parallelTools', 'has no counterpart');
  losses.dropFields(request, ['user']);
  losses.unknownFields(request, dialect, body);
  return { body: Buffer.from(JSON.stringify(body)), losses: losses.list, renamed: renamed.map };
}

function writeTools(
  request: ConversationRequest,
  renamed: RenamedTools,
  losses: Losses,
): JsonObject[] {
  const written: JsonObject[] = [];
  const functions: JsonObject[] = [];
  request.tools.forEach((tool, i) => {
    const at = `tools[${i}]`;
    if (tool.type === 'unknown') {
      const own = losses.unknownTool(tool, i, dialect);
      if (own) written.push(own);
      return;
    }
    const one: JsonObject = { name: renamed.declare(tool, geminiNames, true) };
    if (tool.description !== null) one.description = tool.description;
    if (tool.type === 'custom') {
      losses.customAsFunction(tool, i);
      one.parameters = toGeminiSchema(customToolSchema, () => {});
    } else {
      if (tool.cache) losses.cacheMark(at);
      if (tool.strict) losses.drop(at, 'strict arguments have no counterpart');
      // An object without properties is refused.
      if (tool.schema && Object.keys(tool.schema.properties ?? {}).length > 0) {
        one.parameters = convert(tool.schema, at, losses);
      }
    }
    functions.push(one);
  });
  if (functions.length > 0) written.push({ functionDeclarations: functions });
  return written;
}

/** Each lost keyword is reported once. */
function convert(schema: JsonObject, at: string, losses: Losses): JsonObject {
  const lost = new Set<string>();
  const written = toGeminiSchema(schema, (keyword) => lost.add(keyword));
  for (const keyword of lost) losses.drop(at, `has '${keyword}' in its schema`);
  return written;
}

function writeToolConfig(choice: ToolChoice, { tools }: ConversationRequest): JsonObject {
  const named = (name: string) => chosenToolName(name, tools, geminiNames);
  const config: JsonObject = {};
  switch (choice.type) {
    case 'tool':
      config.mode = 'ANY';
      config.allowedFunctionNames = [named(choice.name)];
      break;
    case 'allowed':
      config.mode = choice.mode === 'required' ? 'ANY' : 'VALIDATED';
      config.allowedFunctionNames = choice.names.map(named);
      break;
    default:
      config.mode = { auto: 'AUTO', none: 'NONE', required: 'ANY' }[choice.type];
  }
  return { functionCallingConfig: config };
}

function writeConfig(request: ConversationRequest, losses: Losses): JsonObject {
  const config: JsonObject = {};
  if (request.temperature !== null) {
    config.temperature = losses.clamp('temperature', request.temperature, 0, 2);
  }
  if (request.topP !== null) config.topP = request.topP;
  if (request.topK !== null) config.topK = request.topK;
  if (request.maxTokens !== null) config.maxOutputTokens = request.maxTokens;
  if (request.stop.length > 0) {
    if (request.stop.length > 5) losses.approximate('stop', 'only five sequences are taken');
    config.stopSequences = request.stop.slice(0, 5);
  }
  if (request.seed !== null) config.seed = request.seed;
  if (request.presencePenalty !== null) config.presencePenalty = request.presencePenalty;
  if (request.frequencyPenalty !== null) config.frequencyPenalty = request.frequencyPenalty;
  if (request.choices !== null) config.candidateCount = request.choices;
  if (request.logprobs !== null) {
    config.responseLogprobs = true;
    if (request.logprobs > 0) config.logprobs = request.logprobs;
  }
  const { format } = request;
  if (format) config.responseMimeType = 'application/json';
  if (format?.type === 'schema') config.responseSchema = convert(format.schema, 'format', losses);
  return config;
}

const levels: Readonly<Record<Exclude<Effort, 'none'>, string>> = {
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
  max: 'HIGH',
};

function writeThinking(
  { effort, budget, visible }: NonNullable<ConversationRequest['reasoning']>,
  abilities: GeminiAbilities,
  losses: Losses,
): JsonObject {
  if (effort === 'none') {
    if (abilities.leastBudget > 0) losses.approximate('reasoning', 'this model always thinks');
    return { thinkingBudget: abilities.leastBudget };
  }
  const config: JsonObject = { includeThoughts: visible ?? true };
  // An explicit effort takes precedence over leaving it to the model.
  if (budget !== null && (budget !== -1 || effort === null)) {
    config.thinkingBudget =
      budget === -1 || abilities.levels
        ? budget
        : losses.clamp('reasoning', budget, abilities.leastBudget, abilities.mostBudget);
  } else if (effort !== null && abilities.levels) {
    config.thinkingLevel = levels[effort];
    if (effort === 'xhigh' || effort === 'max') losses.approximate('reasoning', 'high is the most');
  } else if (effort !== null) {
    config.thinkingBudget = Math.min(budgetOf(effort), abilities.mostBudget);
  }
  return config;
}
