/**
 * OpenTelemetry's own encoding of OTLP. `npm run app` bundles these packages into this file's
 * output, so that they are not installed with the gateway; it is loaded when something is exported.
 */
export { createTraceState } from '@opentelemetry/api';
export {
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
export { resourceFromAttributes } from '@opentelemetry/resources';
