extension InferenceService {
  /// The models' figures under the names that Triton's dashboards use, and the scheduler's own.
  package func writeMetrics(to text: inout PrometheusText) {
    let models = repository.models.map { ($0, $0.statistics.snapshot) }
    Self.writeRequests(models, &text)
    Self.writeTimes(models, &text)
    Self.writeHistogram(models, &text)
    writeScheduler(&text)
    ProcessFigures.write(to: &text)
  }

  private typealias Models = [(ServedModel, ModelStatistics.Snapshot)]

  private static func labels(_ model: ServedModel) -> [(String, String)] {
    [("model", model.name), ("version", String(model.version))]
  }

  /// One metric with a sample a model.
  private static func write(
    _ name: String, _ kind: PrometheusText.Kind, _ help: String, _ models: Models, _ text: inout PrometheusText,
    _ value: (ModelStatistics.Snapshot) -> Double
  ) {
    text.metric(name, kind, help)
    for (model, figures) in models { text.sample(name, labels(model), value(figures)) }
  }

  private static func writeRequests(_ models: Models, _ text: inout PrometheusText) {
    write("nv_inference_request_success", .counter, "Number of successful inference requests", models, &text) {
      Double($0.success.count)
    }
    text.metric("nv_inference_request_failure", .counter, "Number of failed inference requests, by reason")
    for (model, figures) in models {
      for reason in ModelStatistics.FailureReason.allCases {
        text.sample(
          "nv_inference_request_failure", labels(model) + [("reason", reason.rawValue)],
          Double(figures.failures[reason] ?? 0))
      }
    }
    write("nv_inference_count", .counter, "Number of inferences performed", models, &text) { Double($0.success.count) }
    write("nv_inference_exec_count", .counter, "Number of model executions performed", models, &text) {
      Double($0.infer.count)
    }
    write("nv_inference_pending_request_count", .gauge, "Number of requests accepted and not answered", models, &text) {
      Double($0.pending)
    }
  }

  private static func writeTimes(_ models: Models, _ text: inout PrometheusText) {
    let parts: [(String, String, (ModelStatistics.Snapshot) -> ModelStatistics.Total)] = [
      ("request", "request", \.success), ("queue", "queuing", \.queue), ("compute_input", "input conversion", \.input),
      ("compute_infer", "inference", \.infer), ("compute_output", "output conversion", \.output),
    ]
    for (part, help, total) in parts {
      write("nv_inference_\(part)_duration_us", .counter, "Cumulative \(help) time in microseconds", models, &text) {
        Double(total($0).nanoseconds / 1000)
      }
    }
  }

  private static func writeHistogram(_ models: Models, _ text: inout PrometheusText) {
    let name = "nv_inference_first_response_histogram_ms"
    text.metric(name, .histogram, "Time to the response in milliseconds")
    for (model, figures) in models {
      let labels = labels(model)
      for (bound, count) in zip(ModelStatistics.buckets, figures.withinBuckets) {
        text.sample("\(name)_bucket", labels + [("le", String(bound))], Double(count))
      }
      text.sample("\(name)_bucket", labels + [("le", "+Inf")], Double(figures.success.count))
      text.sample("\(name)_sum", labels, Double(figures.success.nanoseconds) * 1e-6)
      text.sample("\(name)_count", labels, Double(figures.success.count))
    }
  }

  private func writeScheduler(_ text: inout PrometheusText) {
    let figures = scheduler.figures
    let gauges: [(String, String, Int)] = [
      ("evssm_requests_accepted", "Requests accepted and not finished", figures.accepted),
      ("evssm_requests_accepted_limit", "Requests accepted at a time", scheduler.configuration.queue),
      ("evssm_requests_waiting", "Requests that wait for threads", figures.waiting),
      ("evssm_requests_running", "Requests that run", figures.running),
      ("evssm_session_memory_bytes", "Feature maps and scratch memory of all sessions", figures.sessionBytes),
      ("evssm_session_memory_limit_bytes", "The bound on it", scheduler.configuration.maxMemory),
      ("evssm_sessions_idle", "Sessions that wait for a picture of their size", figures.idleSessions),
      ("evssm_buffered_bytes", "Request bodies and pictures in memory", budget.usedBytes),
      ("evssm_buffered_limit_bytes", "The bound on them", budget.limit),
    ]
    for (name, help, value) in gauges {
      text.metric(name, .gauge, help)
      text.sample(name, [], Double(value))
    }
  }
}
