interface ModelInfo {
  name: string;
  displayName: string;
  supportedGenerationMethods: string[];
}

/** All models on one page, as Gemini's API lists them. */
export function modelsPage(ids: readonly string[]): string {
  return JSON.stringify({ models: ids.map(modelInfo) });
}

/** The gateway knows no other name of a model, and not what it can do. */
export function modelInfo(id: string): ModelInfo {
  const supportedGenerationMethods = ['generateContent', 'countTokens'];
  return { name: `models/${id}`, displayName: id, supportedGenerationMethods };
}
