import type { Configuration, Credential, Provider, Team } from '../../src/config/configuration.js';
import { hashKey } from '../../src/config/secrets/credential-key.js';

export function provider(provider_key: string, fields: Partial<Provider> = {}): Provider {
  return {
    provider_key,
    provider_type: 'openai',
    api_base: 'https://api.example.com/v1',
    api_key: 'sk-provider',
    model_mapping: {},
    weight: 1,
    provider_params: {},
    is_enabled: true,
    ...fields,
  };
}

export function credential(name: string, fields: Partial<Credential> = {}): Credential {
  return {
    id: 1,
    credential_key: hashKey(name),
    name,
    allowed_models: null,
    rate_limit: null,
    is_enabled: true,
    key_preview: 'sk-…abcd',
    ...fields,
  };
}

export function team(name: string, fields: Partial<Team> = {}): Team {
  return {
    ...{ id: 1, name, allowed_models: null, limits: {}, weight: 1, tags: [], admins: [] },
    ...fields,
  };
}

export function configuration(
  providers: Provider[] = [],
  credentials: Credential[] = [],
  version = 1,
  teams: Team[] = [],
): Configuration {
  return { version, providers, teams, credentials };
}
