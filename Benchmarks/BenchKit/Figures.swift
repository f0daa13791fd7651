// SPDX-License-Identifier: Apache-2.0
import Foundation

package func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

/// Two places behind the point.
package func rounded(_ number: Double) -> String { String(format: "%.2f", number) }
