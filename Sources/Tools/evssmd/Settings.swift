import Configuration
import SystemPackage
import Tensors

/// What can be set, by flag, by environment (`EVSSMD_` and the name in capitals with underscores), or in a JSON file;
/// the first of these that says anything counts.
enum Setting: String, CaseIterable {
  case models, host, port, threads, sessions, queue, timeout, token, grace
  case grpcPort = "grpc-port"
  case maxMemory = "max-memory"
  case maxBody = "max-body"
  case maxBuffered = "max-buffered"
  case maxConnections = "max-connections"
  case smallPicture = "small-picture"
  case modelControl = "model-control"
  case drainDelay = "drain-delay"
  case logLevel = "log-level"
  case logFormat = "log-format"
}

/// Looks settings up.
struct Settings {
  private let reader: ConfigReader
  private let flags: [Setting: String]

  /// - Parameter file: a JSON object of settings by name; nil for none.
  init(flags: [Setting: String], file: String?) async throws {
    var providers: [any ConfigProvider] = [
      EnvironmentVariablesProvider(secretsSpecifier: .specific(["EVSSMD_TOKEN"])).prefixKeys(with: "evssmd")
    ]
    if let file {
      do {
        providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(file)))
      } catch {
        throw EVSSMError(
          "config.unreadable", "The configuration file cannot be read as JSON.", category: .usage,
          place: .init(file: file, option: "--config"))
      }
    }
    reader = ConfigReader(providers: providers)
    self.flags = flags
  }

  /// The setting as text; numbers in the file may be written as numbers.
  func text(_ setting: Setting) -> String? {
    if let flag = flags[setting] { return flag }
    let key = ConfigKey([setting.rawValue])
    return reader.string(forKey: key, isSecret: setting == .token)
      ?? reader.int(forKey: key).map(String.init) ?? reader.double(forKey: key).map { "\($0)" }
  }

  private func wrong(_ setting: Setting, _ what: String) -> EVSSMError {
    EVSSMError("config.value", "\(what) is expected.", category: .usage, place: .init(option: "--\(setting.rawValue)"))
  }

  /// A whole number in `range`.
  func integer(_ setting: Setting, in range: ClosedRange<Int>, default value: Int) throws -> Int {
    guard let text = text(setting) else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw wrong(setting, "A whole number of \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Seconds, 0 or more.
  func seconds(_ setting: Setting, default value: Double) throws -> Double {
    guard let text = text(setting) else { return value }
    guard let number = Double(text), number >= 0, number <= 1e6 else { throw wrong(setting, "A number of seconds") }
    return number
  }

  /// Bytes, with `KiB`, `MiB` or `GiB` after the number if wanted.
  func bytes(_ setting: Setting, default value: Int) throws -> Int {
    guard let text = text(setting) else { return value }
    guard let bytes = Self.bytes(text), bytes > 0 else { throw wrong(setting, "A size such as 512MiB or 8GiB") }
    return bytes
  }

  static func bytes(_ text: String) -> Int? {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
    for (unit, shift) in units where text.hasSuffix(unit) {
      guard let number = Int(text.dropLast(3)), number >= 0, number <= Int.max >> shift else { return nil }
      return number << shift
    }
    return Int(text)
  }

  /// One of the names allowed.
  func name(_ setting: Setting, of names: [String], default value: String) throws -> String {
    guard let text = text(setting) else { return value }
    guard names.contains(text) else { throw wrong(setting, "One of \(names.joined(separator: ", "))") }
    return text
  }
}
