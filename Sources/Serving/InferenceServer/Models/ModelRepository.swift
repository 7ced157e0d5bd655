import ExecutionPlan
import Foundation
import Synchronization
import Tensors

/// The models of a folder, `<name>/<version>/model.plan`: found, opened, listed, replaced and closed while others are
/// served.
///
/// A request holds the ``ServedModel`` that it began with, so replacing a model mixes no weights and fails no request.
package final class ModelRepository: Sendable {
  package static let fileName = "model.plan"
  static let maxModels = 256

  /// Where a model's plans come from.
  package enum Source: Sendable, Hashable {
    /// A folder of models.
    case folder(String)
    /// One plan file, served as version 1 under a name.
    case file(name: String, path: String)
  }

  /// A line of the index.
  package struct Entry: Sendable, Hashable {
    package var name: String
    /// Empty for a model none of whose versions is open.
    package var version: String
    /// `READY`, `UNAVAILABLE` or `LOADING`.
    package var state: String
    package var reason: String
  }

  fileprivate enum Version: Sendable {
    case ready(ServedModel)
    case failed(String)
  }

  private struct State: Sendable {
    var models: [String: [Int: Version]] = [:]
    var isLoading = true
  }

  private let sources: [Source]
  private let state = Mutex(State())
  /// Called with models that are no longer served.
  private let onUnload: @Sendable (ServedModel) -> Void

  package init(sources: [Source], onUnload: @escaping @Sendable (ServedModel) -> Void = { _ in }) {
    self.sources = sources
    self.onUnload = onUnload
  }

  /// Whether the first look at the folder is over.
  package var isLoaded: Bool { state.withLock { !$0.isLoading } }

  /// Opens every model there is. Models that cannot be opened are listed with the reason; the others are served.
  ///
  /// - Returns: what to log: a line a version.
  /// - Complexity: O(bytes of all plans), for their digests. Blocks.
  package func loadAll() -> [Entry] {
    // What cannot be opened is in the index, with the reason.
    for name in names() { try? load(name) }
    state.withLock { $0.isLoading = false }
    return index()
  }

  /// Opens all versions of a model anew; versions that are gone from the folder are no longer served. Blocks.
  ///
  /// Throws `notFound` when there is no such model, and `invalid` when none of its versions can be opened; what was
  /// served before goes on then.
  package func load(_ name: String) throws {
    let paths = try versionPaths(name)
    var versions: [Int: Version] = [:]
    for (version, path) in paths {
      do { versions[version] = .ready(ServedModel(name: name, version: version, plan: try Self.open(path))) } catch {
        versions[version] = .failed(ServingError(error).message)
      }
    }
    let reasons = versions.values.compactMap { if case .failed(let reason) = $0 { reason } else { nil } }
    let isUsable = reasons.count < versions.count
    let old = try state.withLock { state in
      if !isUsable, state.models[name]?.values.contains(where: \.isReady) ?? false {
        throw ServingError(
          .invalid, "The model cannot be opened: \(reasons.first ?? "no version"). The old one is kept.")
      }
      guard state.models[name] != nil || state.models.count < Self.maxModels else {
        throw ServingError(.tooLarge, "At most \(Self.maxModels) models are served.")
      }
      return state.models.updateValue(versions, forKey: name)
    }
    retire(old)
    if !isUsable { throw ServingError(.invalid, "The model cannot be opened: \(reasons.first ?? "no version").") }
  }

  private static func open(_ path: String) throws -> LoadedPlan {
    let plan = try PlanFile.open(path: path)
    guard plan.plan.graph == nil else {
      throw ServingError(.invalid, "A plan of primitives is not served: it does not run on pictures.")
    }
    return plan
  }

  /// Ends serving a model; requests that have it are answered. Throws `notFound` when it is not known.
  package func unload(_ name: String) throws {
    let old = try state.withLock { state in
      guard let old = state.models[name] else { throw Self.unknown(name) }
      state.models[name] = [:]
      return old
    }
    retire(old)
  }

  private func retire(_ versions: [Int: Version]?) {
    for case .ready(let model) in (versions ?? [:]).values { onUnload(model) }
  }

  /// The model that a request names; the highest version if it names none.
  ///
  /// Throws `notFound`, and `unavailable` for a model that is known and not open.
  package func model(_ name: String, version text: String? = nil) throws -> ServedModel {
    let (versions, isLoading) = state.withLock { ($0.models[name], $0.isLoading) }
    guard let versions else {
      if isLoading { throw ServingError(.unavailable, "Models are being loaded.", retryAfter: 1) }
      throw Self.unknown(name)
    }
    if let text {
      guard let version = ModelName.version(text), let entry = versions[version] else {
        let version = EVSSMError.escaped(text, limit: 20)
        throw ServingError(.notFound, "The model \(EVSSMError.escaped(name)) has no version \(version).")
      }
      return try entry.model()
    }
    guard let newest = versions.filter({ $0.value.isReady }).max(by: { $0.key < $1.key }) else {
      throw ServingError(.unavailable, "The model \(EVSSMError.escaped(name)) is not loaded.", retryAfter: 1)
    }
    return try newest.value.model()
  }

  /// The model of a server that has one; throws `invalid` and the names when there are several.
  package func onlyModel() throws -> ServedModel {
    let ready = models
    let names = Set(ready.map(\.name)).sorted()
    guard let name = names.first else {
      throw ServingError(.unavailable, isLoaded ? "No model is loaded." : "Models are being loaded.", retryAfter: 1)
    }
    guard names.count == 1 else {
      throw ServingError(.invalid, "Say which model: ?model=NAME, one of \(names.prefix(20).joined(separator: ", ")).")
    }
    return try model(name)
  }

  /// All open versions, by name and version.
  package var models: [ServedModel] {
    let all = state.withLock { $0.models.values.flatMap(\.values) }
    return all.compactMap { try? $0.model() }.sorted { ($0.name, $0.version) < ($1.name, $1.version) }
  }

  /// Numbers of a model's open versions, in order.
  package func versions(of name: String) -> [Int] { models.filter { $0.name == name }.map(\.version) }

  /// Every model that is served, failed, or could be loaded from the folder.
  package func index() -> [Entry] {
    let known = state.withLock { $0.models }
    let unloaded = names().filter { known[$0]?.isEmpty ?? true }
    let closed = known.filter { $0.value.isEmpty && !unloaded.contains($0.key) }.map(\.key)
    var entries = (unloaded + closed).map { Entry(name: $0, version: "", state: "UNAVAILABLE", reason: "unloaded") }
    for (name, versions) in known {
      for (version, entry) in versions {
        entries.append(Entry(name: name, version: String(version), state: entry.stateName, reason: entry.reason))
      }
    }
    return entries.sorted { ($0.name, Int($0.version) ?? 0) < ($1.name, Int($1.version) ?? 0) }
  }

  private static func unknown(_ name: String) -> ServingError {
    ServingError(.notFound, "There is no model \(EVSSMError.escaped(name, limit: ModelName.maxBytes)).")
  }

  /// Names of the models in the sources.
  private func names() -> [String] {
    let all = sources.flatMap { source in
      switch source {
      case .file(let name, _): [name]
      case .folder(let path): Self.contents(path).filter { ModelName.isValid($0) && !Self.versions(path, $0).isEmpty }
      }
    }
    return Array(Set(all).sorted().prefix(Self.maxModels))
  }

  private func versionPaths(_ name: String) throws -> [(Int, String)] {
    guard ModelName.isValid(name) else { throw Self.unknown(name) }
    for source in sources {
      switch source {
      case .file(name, let path): return [(1, path)]
      case .file: continue
      case .folder(let path):
        let versions = Self.versions(path, name)
        if !versions.isEmpty { return versions.map { ($0, "\(path)/\(name)/\($0)/\(Self.fileName)") } }
      }
    }
    throw Self.unknown(name)
  }

  /// The names in a folder; none where it cannot be read, so that it has no models.
  private static func contents(_ folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }

  /// Version folders that hold a plan; names that are no version's are ignored.
  private static func versions(_ folder: String, _ name: String) -> [Int] {
    contents("\(folder)/\(name)").compactMap(ModelName.version).filter {
      FileManager.default.fileExists(atPath: "\(folder)/\(name)/\($0)/\(fileName)")
    }.sorted()
  }
}

extension ModelRepository.Version {
  fileprivate var isReady: Bool { if case .ready = self { true } else { false } }

  fileprivate var stateName: String { isReady ? "READY" : "UNAVAILABLE" }

  fileprivate var reason: String { if case .failed(let reason) = self { reason } else { "" } }

  fileprivate func model() throws -> ServedModel {
    switch self {
    case .ready(let model): return model
    case .failed(let reason): throw ServingError(.unavailable, "The model is not loaded: \(reason)", retryAfter: 1)
    }
  }
}
